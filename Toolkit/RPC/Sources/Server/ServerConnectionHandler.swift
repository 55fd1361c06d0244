import Logging
import MartletCore
import NIOCore
import NIOHTTP2

/// One connection behind its HTTP/2 handler: keepalive, draining, and the deadlines of its calls.
final class ServerConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    let core: ServerCore
    let executor: LoopExecutor
    let deadlines: DeadlineTimer<ServerCallHandler>
    private var lifecycle = ServerConnectionLifecycle()
    private var calls: [ObjectIdentifier: ServerCallHandler] = [:]
    private var context: ChannelHandlerContext?
    private var keepAliveTask: RepeatedTask?
    /// Handlers that still run although their calls are over.
    private var abandonedHandlers = 0

    /// Completes when the connection is closed.
    let closed: EventLoopFuture<Void>

    init(_ core: ServerCore, channel: any Channel) {
        self.core = core
        closed = channel.closeFuture
        executor = LoopExecutor(channel.eventLoop)
        deadlines = DeadlineTimer(loop: channel.eventLoop, time: core.runtime.time) { $0.interrupt(.deadlineExceeded) }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let interval = TimeAmount(core.limits.keepAlive)
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        keepAliveTask = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            me.value.intervalOver()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        keepAliveTask?.cancel()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .ping(let data, ack: true) = unwrapInboundIn(data).payload {
            perform(lifecycle.pingAcknowledged(data.integer))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        lifecycle.bytesArrived()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        core.logger.debug("connection error", metadata: ["cause": "\(error)"])
        // Stream errors arrive here, too; they end only their stream.
        if ConnectionError.isFatal(error, leaving: lifecycle.state != .serving) { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        keepAliveTask?.cancel()
        keepAliveTask = nil
        deadlines.stop()
        _ = lifecycle.stop()
        context.fireChannelInactive()
    }

    func opened(_ call: ServerCallHandler) { calls[ObjectIdentifier(call)] = call }

    func closed(_ call: ServerCallHandler) { calls[ObjectIdentifier(call)] = nil }

    func streamOpened(_ stream: HTTP2StreamID) { lifecycle.opened(Int32(stream)) }

    func streamClosed() { perform(lifecycle.streamClosed()) }

    /// Sends GOAWAY, lets the open calls end, and closes the connection with the last of them.
    func drain() {
        perform(lifecycle.drain())
        guard let loop = context?.eventLoop.assumeIsolated() else { return }
        loop.scheduleTask(in: TimeAmount(core.limits.streamDrain)) {
            for call in self.calls.values where call.streams { call.interrupt(.shuttingDown) }
        }
        loop.scheduleTask(in: TimeAmount(core.limits.drain)) {
            for call in self.calls.values { call.interrupt(.shuttingDown) }
            self.perform(self.lifecycle.stop())
        }
    }

    private func intervalOver() {
        for call in calls.values { call.intervalOver() }
        perform(lifecycle.intervalOver())
    }

    /// No further handler may start.
    var hasTooManyAbandonedHandlers: Bool { abandonedHandlers > core.limits.abandonedHandlersMax }

    /// A call has ended before its handler.
    func handlerAbandoned() { abandonedHandlers += 1 }

    /// The handler of such a call has ended.
    func abandonedHandlerEnded() { abandonedHandlers -= 1 }

    func stop() { perform(lifecycle.stop()) }

    private func perform(_ actions: [ServerConnectionLifecycle.Action]) {
        guard let context else { return }
        for action in actions {
            switch action {
            case .ping(let data):
                write(.ping(HTTP2PingData(withInteger: data), ack: false), context)
            case .goAway(let stream):
                let last = stream.map { HTTP2StreamID(Int($0)) } ?? .maxID
                write(.goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil), context)
            case .finish:
                context.flush()
                context.close(mode: .output, promise: nil)
            case .close: context.close(promise: nil)
            }
        }
        if !actions.isEmpty { context.flush() }
    }

    private func write(_ payload: HTTP2Frame.FramePayload, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(HTTP2Frame(streamID: .rootStream, payload: payload)), promise: nil)
    }
}

extension Fault {
    static var shuttingDown: Fault { Fault(.unavailable, .unavailable, "the server is shutting down") }
}

/// Notifies the connection's handler of its streams.
struct ServerStreams: NIOHTTP2StreamDelegate {
    let connection: NIOLoopBound<ServerConnectionHandler>

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) { connection.value.streamOpened(id) }
    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { connection.value.streamClosed() }
}
