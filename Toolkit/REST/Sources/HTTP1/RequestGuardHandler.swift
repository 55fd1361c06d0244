import MartletCore
import NIOCore

/// The channel handler around a ``RequestGuard``, in front of the HTTP/1 parser.
///
/// Refusals are errors of the pipeline, of the type ``RequestRefusal``. While a request or a response must wait it begins no
/// other request and reads nothing. It limits how long a head and a body take to arrive. After the last request it
/// drops everything that still arrives.
final class RequestGuardHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// The most bytes that are kept of requests that wait; more close the connection.
    ///
    /// Only a client that has closed its direction can send so much, as NIO reads everything from it.
    private static let heldBytesMax = 512 << 10

    private let limits: ConnectionLimits
    private var requests: RequestGuard
    private var context: ChannelHandlerContext?
    /// What has arrived and is not decided about.
    private var held = ByteBuffer()
    private var isFeeding = false
    private var isPaused = false
    private var isEnded = false
    private var isLingering = false
    /// A read was requested while bytes were held.
    private var wantsRead = false
    /// The peer's end arrived while bytes were held.
    private var hasHeldEnd = false
    private var droppedBytes = 0
    /// Requests that are complete by the guard, and not by the parser.
    private var unparsed = 0
    /// What the timer is for.
    private var timed: RequestGuard.Unfinished?
    private var timer: Scheduled<Void>?

    init(_ limits: ConnectionLimits) {
        self.limits = limits
        requests = RequestGuard(limits.requests)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
        self.context = nil
    }

    // MARK: What the connection decides

    /// Whether requests, or parts of them, wait.
    var holdsBytes: Bool { held.readableBytes > 0 }

    /// The parser has delivered the end of a request.
    func parsed() { unparsed -= 1 }

    /// Begins no other request until ``resume()``.
    func pause() { isPaused = true }

    func resume() {
        guard isPaused, let context else { return }
        isPaused = false
        guard held.readableBytes > 0 else { return }
        // Not in the middle of a write.
        context.eventLoop.assumeIsolated()
            .execute { [self] in
                guard let context = self.context, !isEnded, !isPaused else { return }
                feed(context)
                context.fireChannelReadComplete()
            }
    }

    /// Drops everything that still arrives; more than `drainBytesMax` close the connection.
    func end() {
        guard !isEnded else { return }
        isEnded = true
        requests.end()
        held = ByteBuffer()
        timer?.cancel()
        // Otherwise `feed` is about to do it.
        if !isFeeding, let context { emptied(context) }
    }

    /// The output is closed: reads on, whatever the layers above do, so that the peer gets the last response.
    func linger() {
        end()
        isLingering = true
        context?.read()
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        guard !isEnded else {
            droppedBytes += bytes.readableBytes
            if droppedBytes > limits.drainBytesMax { context.close(promise: nil) }
            return
        }
        guard held.readableBytes + bytes.readableBytes <= Self.heldBytesMax else { return context.close(promise: nil) }
        if held.readableBytes == 0 { held = bytes } else { held.writeBuffer(&bytes) }
        feed(context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        if isLingering { context.read() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard event as? ChannelEvent == .inputClosed else { return context.fireUserInboundEventTriggered(event) }
        hasHeldEnd = true
        if held.readableBytes == 0 { emptied(context) }
    }

    private func feed(_ context: ChannelHandlerContext) {
        guard !isFeeding else { return }
        isFeeding = true
        defer { isFeeding = false }
        while held.readableBytes > 0, !(isPaused && requests.unfinished == nil) {
            switch requests.next(&held) {
            case .part(let part, let endsRequest):
                if endsRequest { unparsed += 1 }
                context.fireChannelRead(wrapInboundOut(part))
                // The parser must agree on where each request ends.
                if unparsed != 0, !isEnded { refuse(.unreadable, context) }
            case .more: break
            case .refuse(let refusal): refuse(refusal, context)
            }
        }
        if held.readableBytes == 0 { emptied(context) }
        watch(context)
    }

    /// Nothing is held any more.
    private func emptied(_ context: ChannelHandlerContext) {
        held = ByteBuffer()
        if wantsRead {
            wantsRead = false
            context.read()
        }
        guard hasHeldEnd else { return }
        hasHeldEnd = false
        if requests.unfinished?.isHead == true { refuse(.malformed(part: "head", rule: "is truncated"), context) }
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    private func refuse(_ refusal: RequestRefusal, _ context: ChannelHandlerContext) {
        // After the error, which decides what happens to the connection.
        let hadEnd = hasHeldEnd
        hasHeldEnd = false
        end()
        context.fireErrorCaught(refusal)
        if hadEnd { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
    }

    // MARK: Time

    /// Starts the time of a head or a body that has begun, and stops that of one that is complete.
    private func watch(_ context: ChannelHandlerContext) {
        let unfinished = requests.unfinished
        guard unfinished != timed else { return }
        timed = unfinished
        timer?.cancel()
        timer = nil
        guard let unfinished else { return }
        let limit = unfinished.isHead ? limits.head : limits.body
        timer = context.eventLoop.assumeIsolated()
            .scheduleTask(in: .nanoseconds(limit.nanosecondsClamped)) { [self] in
                refuse(.tooSlow(part: unfinished.isHead ? "head" : "body"), context)
            }
    }

    // MARK: Outbound

    func read(context: ChannelHandlerContext) {
        if held.readableBytes > 0 { wantsRead = true } else { context.read() }
    }
}
