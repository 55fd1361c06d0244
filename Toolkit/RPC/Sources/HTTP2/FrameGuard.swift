import MartletCore
import NIOCore

/// Decides which bytes of a peer reach the HTTP/2 parser, by the heads of their frames.
///
/// The parser releases what it has read only when its input ends exactly at the end of a frame, and after an error it keeps
/// what follows. So it gets one whole frame at a time, and what is kept here is less than one frame. Frames of unknown
/// kinds, which the protocol ignores, are dropped without being kept. A value without clock and socket.
struct FrameGuard {
    /// The limits of one connection.
    struct Limits {
        /// The longest payload of a frame: the protocol's default, which we do not raise.
        var frameBytesMax = 16_384
        /// The longest payload of SETTINGS, GOAWAY and the like.
        var controlBytesMax: Int
        /// Frames other than those of calls that the peer may send in a window; those without a purpose included.
        var controlFramesMax: Int
        var window: Duration
        /// Whether our SETTINGS apply right after the peer's first frame, and not only when the peer has seen them.
        ///
        /// The peer's first calls need our limit of headers. Only for settings that allow more than the parser's defaults.
        var acknowledgesEarly: Bool
    }

    /// Why nothing more is accepted from the peer.
    enum Refusal: Error, Equatable {
        /// More than `controlFramesMax`.
        case tooManyControlFrames
        /// Longer than `controlBytesMax`.
        case controlFrameTooLong
    }

    enum Side {
        /// The peer is a client, and begins with the connection preface.
        case server
        case client
    }

    /// What a read amounts to.
    struct Received {
        /// For the parser, in this order: the preface, or a whole frame.
        var parts: [ByteBuffer] = []
        /// Nothing more is accepted: the connection must be closed.
        var refusal: Refusal?
    }

    private enum State {
        /// The connection preface is arriving. Goes to `head`.
        case preface
        /// The head of a frame is arriving. Goes to `frame`, `skipping` or `ended`.
        case head
        /// The rest of a frame is arriving, which has so many bytes with its head. Goes to `head`.
        case frame(bytes: Int)
        /// So many bytes of a frame that is dropped are arriving. Goes to `head`.
        case skipping(bytes: Int)
        /// Nothing more is accepted.
        case ended
    }

    /// What happens to a frame.
    private enum Fate {
        case forward
        case drop
        /// The parser refuses the frame by its head.
        case forwardHead
        case refuse(Refusal)
    }

    private static let prefaceBytes = 24
    /// The acknowledgement of our SETTINGS.
    private static let acknowledgement = ByteBuffer(bytes: [0, 0, 0, 4, 1, 0, 0, 0, 0])

    private let limits: Limits
    private var state: State
    /// The beginning of a frame whose rest has not arrived.
    private var pending = ByteBuffer()
    /// Frames of a block of headers must follow one another.
    private var isInBlock = false
    /// The peer's first frame has not arrived.
    private var isFirst = true
    /// The parser has had an acknowledgement of our SETTINGS: the peer's own is dropped.
    private var dropsAcknowledgement = false
    private var control = 0
    private var windowEnd: Moment?

    init(_ side: Side, limits: Limits) {
        self.limits = limits
        state = if case .server = side { .preface } else { .head }
    }

    /// Bytes that are kept until more arrive.
    var pendingBytes: Int { pending.readableBytes }

    /// Nothing more is accepted; what is kept is dropped.
    mutating func end() {
        state = .ended
        pending = ByteBuffer()
    }

    mutating func receive(_ bytes: ByteBuffer, at now: Moment) -> Received {
        var rest = bytes
        var received = Received()
        while advance(&rest, into: &received, at: now) {}
        return received
    }

    /// - Returns: False when nothing more can be decided without further bytes.
    private mutating func advance(_ rest: inout ByteBuffer, into received: inout Received, at now: Moment) -> Bool {
        switch state {
        case .ended: return false
        case .preface:
            guard let preface = take(Self.prefaceBytes, from: &rest) else { return false }
            received.parts.append(preface)
            state = .head
        case .head:
            guard let head = nextHead(&rest) else { return false }
            switch decide(head, at: now) {
            case .forward: state = .frame(bytes: FrameHead.bytes + head.length)
            case .drop:
                _ = take(FrameHead.bytes, from: &rest)
                state = .skipping(bytes: head.length)
            case .forwardHead:
                if let part = take(FrameHead.bytes, from: &rest) { received.parts.append(part) }
                end()
            case .refuse(let refusal):
                received.refusal = refusal
                end()
            }
        case .frame(let bytes):
            guard let frame = take(bytes, from: &rest) else { return false }
            received.parts.append(frame)
            state = .head
            if isFirst {
                isFirst = false
                if dropsAcknowledgement { received.parts.append(Self.acknowledgement) }
            }
        case .skipping(let bytes):
            let skipped = min(bytes, rest.readableBytes)
            rest.moveReaderIndex(forwardBy: skipped)
            guard skipped == bytes else {
                state = .skipping(bytes: bytes - skipped)
                return false
            }
            state = .head
        }
        return true
    }

    /// The head of the next frame, which stays where it is.
    private mutating func nextHead(_ rest: inout ByteBuffer) -> FrameHead? {
        if pending.readableBytes == 0, let head = FrameHead(rest) { return head }
        fill(FrameHead.bytes, from: &rest)
        return FrameHead(pending)
    }

    /// The next `count` bytes: a part of `rest`, or what was kept and its continuation; `nil` until they have arrived.
    private mutating func take(_ count: Int, from rest: inout ByteBuffer) -> ByteBuffer? {
        if pending.readableBytes == 0, rest.readableBytes >= count { return rest.readSlice(length: count) }
        fill(count, from: &rest)
        guard pending.readableBytes == count else { return nil }
        defer { pending = ByteBuffer() }
        return pending
    }

    /// Keeps up to `count` bytes; copies them, since the read buffer that they are in may be much larger.
    private mutating func fill(_ count: Int, from rest: inout ByteBuffer) {
        let missing = min(count - pending.readableBytes, rest.readableBytes)
        if missing > 0, let part = rest.readSlice(length: missing) { pending.writeImmutableBuffer(part) }
    }

    // MARK: One frame

    private mutating func decide(_ head: FrameHead, at now: Moment) -> Fate {
        if head.length > limits.frameBytesMax { return .forwardHead }
        if isInBlock, head.kind != .continuation { return .forwardHead }
        if isFirst, head.kind == .settings, !head.has(FrameHead.acknowledgement) {
            dropsAcknowledgement = limits.acknowledgesEarly
        }
        switch head.kind {
        case .headers, .pushPromise, .continuation:
            isInBlock = head.opensBlock || (head.kind == .continuation && !head.has(FrameHead.endHeaders))
            return .forward
        case .windowUpdate, .resetStream: return .forward
        case .data:
            // An empty one that ends nothing is allowed, and has no purpose.
            if head.length > 0 || head.has(FrameHead.endStream) { return .forward }
            return count(at: now) ? .forward : .refuse(.tooManyControlFrames)
        case .settings, .goAway, .alternativeService, .origin, .ping, .priority:
            guard count(at: now) else { return .refuse(.tooManyControlFrames) }
            guard head.length <= limits.controlBytesMax else { return .refuse(.controlFrameTooLong) }
            if !isFirst, dropsAcknowledgement, isAcknowledgement(head) {
                dropsAcknowledgement = false
                return .drop
            }
            return .forward
        case nil: return count(at: now) ? .drop : .refuse(.tooManyControlFrames)
        }
    }

    private func isAcknowledgement(_ head: FrameHead) -> Bool {
        head.kind == .settings && head.has(FrameHead.acknowledgement) && head.length == 0
    }

    /// - Returns: False when there are too many control frames.
    private mutating func count(at now: Moment) -> Bool {
        if let windowEnd, now < windowEnd {
            control += 1
        } else {
            windowEnd = now + limits.window
            control = 1
        }
        return control <= limits.controlFramesMax
    }
}
