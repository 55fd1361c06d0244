import NIOCore

/// Decides which bytes of a client reach the HTTP/1 parser, and where each request ends.
///
/// The parser keeps the beginning of a field, and after an upgrade everything. So it gets whole heads only, without
/// `Upgrade`, which this server ignores, and bodies without chunk extensions and trailer fields. What is kept here is
/// less than one head. A value without clock and socket.
struct RequestGuard {
    struct Limits: Sendable, Hashable {
        /// Of a head: its request line and its fields.
        var headBytesMax = 64 << 10
        /// The most fields of a head.
        var fieldsMax = 100
        /// Of a body's chunk extensions and trailer fields together.
        var ignoredBytesMax = 4 << 10
    }

    enum Step: Equatable {
        /// For the parser; with the last part a request is complete.
        case part(ByteBuffer, endsRequest: Bool)
        /// All bytes are decided about, or kept until more arrive.
        case more
        /// Nothing more is accepted.
        case refuse(RequestRefusal)
    }

    /// What has begun and is not complete.
    struct Unfinished: Equatable {
        /// Counts the requests of the connection.
        let request: Int
        /// The head is not complete; otherwise the body.
        let isHead: Bool
    }

    private enum State {
        /// Between requests: empty lines may arrive. Goes to `head`.
        case start(emptyLines: Int, isAfterCarriageReturn: Bool)
        /// Goes to `start`, `body` or `chunkLine`.
        case head(HeadScan)
        /// So many bytes of the body are arriving. Goes to `start`.
        case body(Int)
        /// Goes to `chunk` or `trailers`.
        case chunkLine
        /// So many bytes of the chunk are arriving. Goes to `chunkEnd`.
        case chunk(Int)
        /// Goes to `chunkLine`.
        case chunkEnd
        /// Goes to `start`.
        case trailers(HeadScan)
        /// Nothing more is accepted.
        case ended
    }

    /// In front of a request.
    private static let emptyLinesMax = 2
    private static let lineEnd = ByteBuffer(string: "\r\n")

    private let limits: Limits
    private var state = State.start(emptyLines: 0, isAfterCarriageReturn: false)
    /// The beginning of a head, or of the line of a chunk, whose rest has not arrived.
    private var pending = ByteBuffer()
    /// Extensions and trailers of the present body.
    private var ignoredBytes = 0
    private var requests = 0

    init(_ limits: Limits) { self.limits = limits }

    /// Bytes that are kept until more arrive.
    var pendingBytes: Int { pending.readableBytes }

    /// `nil` between requests, and after the end.
    var unfinished: Unfinished? {
        switch state {
        case .start, .ended: nil
        case .head: Unfinished(request: requests, isHead: true)
        case .body, .chunkLine, .chunk, .chunkEnd, .trailers: Unfinished(request: requests, isHead: false)
        }
    }

    /// Nothing more is accepted; what is kept is dropped.
    mutating func end() {
        state = .ended
        pending = ByteBuffer()
    }

    /// Takes from `rest` what can be decided about next.
    mutating func next(_ rest: inout ByteBuffer) -> Step {
        do throws(RequestRefusal) {
            while rest.readableBytes > 0 {
                if let step = try advance(&rest) { return step }
            }
        } catch {
            end()
            return .refuse(error)
        }
        return .more
    }

    private mutating func advance(_ rest: inout ByteBuffer) throws(RequestRefusal) -> Step? {
        switch state {
        case .start(let emptyLines, let isAfterCarriageReturn):
            try skip(&rest, emptyLines: emptyLines, isAfterCarriageReturn: isAfterCarriageReturn)
            return nil
        case .head(let scan): return try head(&rest, scan)
        case .body(let bytes):
            let part = slice(&rest, upTo: bytes)
            state = bytes > part.readableBytes ? .body(bytes - part.readableBytes) : Self.beginning
            return .part(part, endsRequest: bytes == part.readableBytes)
        case .chunkLine: return try chunkLine(&rest)
        case .chunk(let bytes):
            let part = slice(&rest, upTo: bytes)
            state = bytes > part.readableBytes ? .chunk(bytes - part.readableBytes) : .chunkEnd
            return .part(part, endsRequest: false)
        case .chunkEnd:
            guard let end = take(Self.lineEnd.readableBytes, from: &rest) else { return nil }
            guard end == Self.lineEnd else { throw .chunk }
            state = .chunkLine
            return .part(end, endsRequest: false)
        case .trailers(let scan): return try trailers(&rest, scan)
        case .ended:
            rest = ByteBuffer()
            return nil
        }
    }

    private static var beginning: State { .start(emptyLines: 0, isAfterCarriageReturn: false) }

    // MARK: Heads

    /// Takes one byte in front of a head, or begins it: some clients send an empty line after a body.
    private mutating func skip(
        _ rest: inout ByteBuffer,
        emptyLines: Int,
        isAfterCarriageReturn: Bool
    ) throws(RequestRefusal) {
        let byte = rest.getInteger(at: rest.readerIndex, as: UInt8.self) ?? 0
        if isAfterCarriageReturn {
            guard byte == 0x0A, emptyLines < Self.emptyLinesMax else { throw .lineEnd }
            rest.moveReaderIndex(forwardBy: 1)
            state = .start(emptyLines: emptyLines + 1, isAfterCarriageReturn: false)
        } else if byte == 0x0D {
            rest.moveReaderIndex(forwardBy: 1)
            state = .start(emptyLines: emptyLines, isAfterCarriageReturn: true)
        } else {
            // Another protocol, such as TLS, need not be waited for.
            guard byte.isTokenByte else { throw .unreadable }
            requests += 1
            state = .head(HeadScan())
        }
    }

    private mutating func head(_ rest: inout ByteBuffer, _ scanned: HeadScan) throws(RequestRefusal) -> Step? {
        var scan = scanned
        let outcome = rest.withUnsafeReadableBytes { scan.scan($0) }
        let bytes: Int
        switch outcome {
        case .more: bytes = rest.readableBytes
        case .end(let end): bytes = end
        case .refuse(let refusal): throw refusal
        }
        guard pending.readableBytes + bytes <= limits.headBytesMax else {
            throw .headTooLong(bytesMax: limits.headBytesMax)
        }
        // One line is the request line.
        guard scan.lines <= limits.fieldsMax + 1 else { throw .tooManyFields(fieldsMax: limits.fieldsMax) }
        guard case .end = outcome else {
            state = .head(scan)
            fill(pending.readableBytes + bytes, from: &rest)
            return nil
        }
        guard let head = take(pending.readableBytes + bytes, from: &rest) else { return nil }
        let framing = try RequestFraming(Array(head.readableBytesView))
        switch framing.body {
        case .none: state = Self.beginning
        case .length(let length): state = .body(length)
        case .chunks:
            state = .chunkLine
            ignoredBytes = 0
        }
        return .part(Self.head(head, without: framing.ignored), endsRequest: framing.body == .none)
    }

    private static func head(_ head: ByteBuffer, without ranges: [Range<Int>]) -> ByteBuffer {
        guard !ranges.isEmpty else { return head }
        var kept = ByteBuffer()
        var start = 0
        for range in ranges + [head.readableBytes..<head.readableBytes] {
            if let part = head.getSlice(at: head.readerIndex + start, length: range.lowerBound - start) {
                kept.writeImmutableBuffer(part)
            }
            start = range.upperBound
        }
        return kept
    }

    // MARK: Chunks

    private mutating func chunkLine(_ rest: inout ByteBuffer) throws(RequestRefusal) -> Step? {
        let view = rest.readableBytesView
        let end = view.firstIndex(of: 0x0A)
        let bytes = end.map { $0 - view.startIndex + 1 } ?? view.count
        guard pending.readableBytes + bytes <= ChunkLine.bytesMax + limits.ignoredBytesMax - ignoredBytes else {
            throw .chunk
        }
        fill(pending.readableBytes + bytes, from: &rest)
        guard end != nil else { return nil }
        let line = try ChunkLine(Array(pending.readableBytesView))
        pending = ByteBuffer()
        ignoredBytes += line.extensionBytes
        guard ignoredBytes <= limits.ignoredBytesMax else { throw .chunk }
        state = line.size == 0 ? .trailers(HeadScan()) : .chunk(line.size)
        return .part(ByteBuffer(string: "\(String(line.size, radix: 16))\r\n"), endsRequest: false)
    }

    private mutating func trailers(_ rest: inout ByteBuffer, _ scanned: HeadScan) throws(RequestRefusal) -> Step? {
        var scan = scanned
        let outcome = rest.withUnsafeReadableBytes { scan.scan($0) }
        let bytes: Int
        switch outcome {
        case .more: bytes = rest.readableBytes
        case .end(let end): bytes = end
        case .refuse: throw .chunk
        }
        rest.moveReaderIndex(forwardBy: bytes)
        ignoredBytes += bytes
        guard ignoredBytes <= limits.ignoredBytesMax + Self.lineEnd.readableBytes else { throw .chunk }
        guard case .end = outcome else {
            state = .trailers(scan)
            return nil
        }
        state = Self.beginning
        return .part(Self.lineEnd, endsRequest: true)
    }

    // MARK: Bytes

    private func slice(_ rest: inout ByteBuffer, upTo bytes: Int) -> ByteBuffer {
        rest.readSlice(length: min(bytes, rest.readableBytes)) ?? ByteBuffer()
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
}
