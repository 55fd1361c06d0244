import Logging
import MartletCore
import NIOCore
import NIOHTTP2

/// One connection behind its HTTP/2 handler: keep-alive, draining, and the deadlines of its calls.
final class ServerConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    let core: ServerCore
    let executor: LoopExecutor
    let deadlines: DeadlineTimer<ServerCallHandler>
    private var life = ServerConnectionLife()
    private var calls: [ObjectIdentifier: ServerCallHandler] = [:]
    private var context: ChannelHandlerContext?
    private var keepAlive: RepeatedTask?
    /// Handlers that go on although their calls are over.
    private var strays = 0

    /// Done when the connection is gone.
    let closed: EventLoopFuture<Void>

    init(_ core: ServerCore, channel: any Channel) {
        self.core = core
        closed = channel.closeFuture
        executor = LoopExecutor(channel.eventLoop)
        deadlines = DeadlineTimer(loop: channel.eventLoop, time: core.time) { $0.interrupt(.deadlineExceeded) }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let interval = TimeAmount(core.limits.keepAlive)
        let me = NIOLoopBound(self, eventLoop: context.eventLoop)
        keepAlive = context.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            me.value.intervalOver()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        keepAlive?.cancel()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .ping(let data, ack: true) = unwrapInboundIn(data).payload {
            perform(life.ponged(data.integer))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        life.bytesArrived()
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        core.logger.debug("connection error", metadata: ["cause": "\(error)"])
        // Errors of single streams come by here as well; they end their stream only.
        if ConnectionError.isFatal(error, leaving: life.state != .serving) { context.close(promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        keepAlive?.cancel()
        keepAlive = nil
        deadlines.stop()
        _ = life.stop()
        context.fireChannelInactive()
    }

    func opened(_ call: ServerCallHandler) { calls[ObjectIdentifier(call)] = call }

    func closed(_ call: ServerCallHandler) { calls[ObjectIdentifier(call)] = nil }

    func streamOpened(_ stream: HTTP2StreamID) { life.opened(Int32(stream)) }

    func streamClosed() { perform(life.streamClosed()) }

    /// Tells the client to go elsewhere, lets its calls end, and closes the connection with the last of them.
    func drain() {
        perform(life.drain())
        guard let loop = context?.eventLoop.assumeIsolated() else { return }
        loop.scheduleTask(in: TimeAmount(core.limits.streamDrain)) {
            for call in self.calls.values where call.streams { call.interrupt(.goingAway) }
        }
        loop.scheduleTask(in: TimeAmount(core.limits.drain)) {
            for call in self.calls.values { call.interrupt(.goingAway) }
            self.perform(self.life.stop())
        }
    }

    private func intervalOver() {
        for call in calls.values { call.intervalOver() }
        perform(life.intervalOver())
    }

    /// No further handler may run.
    var isOverrun: Bool { strays > core.limits.strayHandlersMax }

    /// A call has ended before its handler.
    func strayed() { strays += 1 }

    /// The handler of such a call has ended.
    func returned() { strays -= 1 }

    func stop() { perform(life.stop()) }

    private func perform(_ actions: [ServerConnectionLife.Action]) {
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
    static var goingAway: Fault { Fault(.unavailable, .unavailable, "the server is going away") }
}

/// Tells the connection's handler about its streams.
struct ServerStreams: NIOHTTP2StreamDelegate {
    let connection: NIOLoopBound<ServerConnectionHandler>

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) { connection.value.streamOpened(id) }
    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { connection.value.streamClosed() }
}
