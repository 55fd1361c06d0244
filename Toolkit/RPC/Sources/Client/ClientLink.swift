import MartletCore
import NIOCore
import NIOHTTP2

/// One established HTTP/2 connection of a client.
struct ClientLink: Sendable {
    let channel: any Channel
    let multiplexer: NIOHTTP2Handler.StreamMultiplexer
    let handler: NIOLoopBound<ClientLinkHandler>
}

/// The connection behind its HTTP/2 handler: keepalive, GOAWAY, and how many calls are open.
final class ClientLinkHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let limits: RPCClientLimits
    /// Called when the peer's SETTINGS have arrived.
    private let onConfirmed: () -> Void
    /// Called when the link accepts no more calls.
    private let onLoss: (_ confirmed: Bool) -> Void
    private var calls: [ObjectIdentifier: ClientCallHandler] = [:]
    private var context: ChannelHandlerContext?
    private var keepAliveTask: RepeatedTask?
    private var confirmed = false
    private var lost = false
    /// The link accepts no more calls.
    var isLost: Bool { lost }
    private var keepAlive = KeepAlive()
    /// The streams of calls that were given up.
    var abandoned: AbandonedStreams
    /// The last GOAWAY that the peer sent.
    private(set) var goAway: GoAway?

    struct GoAway {
        /// Calls above this stream id are excluded.
        let lastStream: HTTP2StreamID
        let code: HTTP2ErrorCode
    }

    init(limits: RPCClientLimits, onConfirmed: @escaping () -> Void, onLoss: @escaping (_ confirmed: Bool) -> Void) {
        self.limits = limits
        abandoned = AbandonedStreams(limits: limits.abandoned)
        self.onConfirmed = onConfirmed
        self.onLoss = onLoss
    }

    func admit(_ call: ClientCallHandler) throws(Fault) {
        guard !lost else { throw .notProcessed("the connection accepts no more calls") }
        guard calls.count < limits.callsMax else {
            throw Fault(.resourceExhausted, .overloaded, "too many calls are open", cause: NotProcessed())
        }
        calls[ObjectIdentifier(call)] = call
    }

    func closed(_ call: ClientCallHandler) {
        calls[ObjectIdentifier(call)] = nil
        closeWhenEmpty()
    }

    /// Accepts no more calls; closes with the last open one.
    func retire() {
        if !lost {
            lost = true
            onLoss(confirmed)
        }
        closeWhenEmpty()
    }

    /// Ends all calls and closes.
    func stop(_ fault: Fault) {
        lost = true
        for call in calls.values { call.interrupt(fault) }
        context?.close(promise: nil)
    }

    private func closeWhenEmpty() {
        if lost, calls.isEmpty { context?.close(promise: nil) }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let interval = TimeAmount(limits.keepAlive)
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        keepAliveTask = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            me.value.keepAliveIntervalOver()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        keepAliveTask?.cancel()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data).payload {
        // With any code: a draining peer that refuses a stream may report an error and still complete the others.
        case .goAway(let lastStream, let code, _):
            goAway = GoAway(lastStream: lastStream, code: code)
            retire()
        case .settings where !confirmed:
            confirmed = true
            onConfirmed()
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        keepAlive.bytesArrived()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if ConnectionError.isFatal(error, leaving: lost) { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        keepAliveTask?.cancel()
        keepAliveTask = nil
        if !lost {
            lost = true
            onLoss(confirmed)
        }
        context.fireChannelInactive()
    }

    private func keepAliveIntervalOver() {
        switch keepAlive.intervalOver() {
        case .nothing: break
        case .ping:
            let ping = HTTP2Frame(
                streamID: .rootStream,
                payload: .ping(HTTP2PingData(withInteger: ServerConnectionLifecycle.keepAlivePing), ack: false)
            )
            context?.writeAndFlush(wrapOutboundOut(ping), promise: nil)
        case .close: context?.close(promise: nil)
        }
    }
}
