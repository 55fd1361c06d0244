import MartletCore
import NIOCore
import NIOHTTP2

/// One established HTTP/2 connection of a client.
struct ClientLink: Sendable {
    let channel: any Channel
    let multiplexer: NIOHTTP2Handler.StreamMultiplexer
    let handler: NIOLoopBound<ClientLinkHandler>
}

/// The connection behind its HTTP/2 handler: keep-alive, GOAWAY, and how many calls are open.
final class ClientLinkHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private let limits: RPCClientLimits
    /// Called when the peer has shown that it speaks HTTP/2.
    private let onProof: () -> Void
    /// Called when no more calls may go here.
    private let onLoss: (_ proved: Bool) -> Void
    private var calls: [ObjectIdentifier: ClientCallHandler] = [:]
    private var context: ChannelHandlerContext?
    private var keepAlive: RepeatedTask?
    private var proved = false
    private var lost = false
    /// No more calls may go here.
    var isLost: Bool { lost }
    private var pulse = Pulse()
    /// What the peer said last of its end.
    private(set) var goodbye: Goodbye?

    struct Goodbye {
        /// Calls above this number were left out.
        let lastStream: HTTP2StreamID
        let code: HTTP2ErrorCode
    }

    init(limits: RPCClientLimits, onProof: @escaping () -> Void, onLoss: @escaping (_ proved: Bool) -> Void) {
        self.limits = limits
        self.onProof = onProof
        self.onLoss = onLoss
    }

    func admit(_ call: ClientCallHandler) throws(Fault) {
        guard !lost else { throw .notProcessed("the connection takes no more calls") }
        guard calls.count < limits.callsMax else {
            throw Fault(.resourceExhausted, .overloaded, "too many calls are open", cause: NotProcessed())
        }
        calls[ObjectIdentifier(call)] = call
    }

    func closed(_ call: ClientCallHandler) {
        calls[ObjectIdentifier(call)] = nil
        closeWhenEmpty()
    }

    /// Takes no more calls; closes with the last open one.
    func retire() {
        if !lost {
            lost = true
            onLoss(proved)
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
        keepAlive = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            me.value.beat()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        keepAlive?.cancel()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data).payload {
        // Whatever its code: a draining peer that refuses a stream may call that an error and answers the others still.
        case .goAway(let lastStream, let code, _):
            goodbye = Goodbye(lastStream: lastStream, code: code)
            retire()
        case .settings where !proved:
            proved = true
            onProof()
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        pulse.bytesArrived()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if ConnectionError.isFatal(error, leaving: lost) { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        keepAlive?.cancel()
        keepAlive = nil
        if !lost {
            lost = true
            onLoss(proved)
        }
        context.fireChannelInactive()
    }

    private func beat() {
        switch pulse.intervalOver() {
        case .nothing: break
        case .ask:
            let ping = HTTP2Frame(
                streamID: .rootStream,
                payload: .ping(HTTP2PingData(withInteger: ServerConnectionLife.keepAlivePing), ack: false)
            )
            context?.writeAndFlush(wrapOutboundOut(ping), promise: nil)
        case .giveUp: context?.close(promise: nil)
        }
    }
}
