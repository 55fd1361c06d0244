import Logging
import MartletContract
import MartletCore
import NIOCore
import NIOHTTP2
import NIOPosix

/// One connection behind its HTTP/2 handler: admission, keepalive, draining, and the deadlines of its calls.
final class ServerConnectionHandler: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    let core: ServerCore
    let executor: LoopExecutor
    let deadlines: DeadlineTimer<ServerCallHandler>
    /// Whom the connection authenticates by itself: no peer, since it has no certificate.
    private let peer: PeerIdentity? = nil
    private let share: ListenerConnection
    private var bytes: ByteAccount
    private var lifecycle = ServerConnectionLifecycle()
    private var calls: [ObjectIdentifier: ServerCallHandler] = [:]
    private var context: ChannelHandlerContext?
    private var keepAliveTask: RepeatedTask?
    private var authenticationTask: RepeatedTask?
    /// Authenticates the callers of streams again, while there are any.
    private var streamTask: RepeatedTask?
    /// Handlers that still run although their calls are over, by caller.
    private var abandonedHandlers = CallerCounts()
    /// Tokens that are being verified, also of calls that have ended meanwhile.
    private var verifications = 0

    /// Completes when the connection is closed.
    let closed: EventLoopFuture<Void>

    init(_ core: ServerCore, share: ListenerConnection, channel: any Channel) {
        self.core = core
        self.share = share
        bytes = share.account()
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
        let timeout = TimeAmount(core.limits.authenticationTimeout)
        authenticationTask = context.eventLoop.scheduleRepeatedTask(initialDelay: timeout, delay: timeout) { _ in
            me.value.authenticationDue()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        cancelTimers()
        self.context = nil
    }

    private func cancelTimers() {
        keepAliveTask?.cancel()
        keepAliveTask = nil
        authenticationTask?.cancel()
        authenticationTask = nil
        streamTask?.cancel()
        streamTask = nil
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
        cancelTimers()
        deadlines.stop()
        _ = lifecycle.stop()
        context.fireChannelInactive()
    }

    func opened(_ call: ServerCallHandler) { calls[ObjectIdentifier(call)] = call }

    func closed(_ call: ServerCallHandler) { calls[ObjectIdentifier(call)] = nil }

    /// A stream has begun, whose caller is authenticated again from now on.
    func streamBegan() {
        guard streamTask == nil, context != nil else { return }
        let interval = TimeAmount(core.limits.streamAuthentication)
        let me = NIOLoopBound(self, eventLoop: executor.loop)
        streamTask = executor.loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in
            me.value.authenticateStreams()
        }
    }

    private func authenticateStreams() {
        let streams = calls.values.filter { $0.streams && $0.isRunning }
        guard !streams.isEmpty else {
            streamTask?.cancel()
            streamTask = nil
            return
        }
        for call in streams { call.authenticateAgain() }
    }

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

    /// A call has ended before its handler.
    func handlerAbandoned(by caller: ExactText) { abandonedHandlers.add(caller) }

    /// The handler of such a call has ended.
    func abandonedHandlerEnded(by caller: ExactText) { abandonedHandlers.remove(caller) }

    func stop() { perform(lifecycle.stop()) }

    // MARK: Admission

    /// What is known of the caller by the headers of its call.
    func authenticate(_ method: ServedMethod, _ head: RequestHead) throws(Fault) -> CallAuthentication {
        try logged(method) { () throws(Fault) in
            guard !share.isReserved || method.descriptor.service == HealthMethods.service else {
                throw .overloaded("the server has too many connections")
            }
            return try core.authentication(head, from: peer)
        }
    }

    /// Verifies a token on a thread; calls `done` on the event loop, unless it throws.
    func verify(
        _ token: @escaping @Sendable () throws -> Principal,
        for method: ServedMethod,
        done: NIOLoopBound<(Result<Principal, any Error>) -> Void>
    ) throws(Fault) {
        try logged(method) { () throws(Fault) in
            guard verifications < core.limits.verificationsMax else {
                throw .overloaded("too many tokens of this connection are being verified")
            }
        }
        verifications += 1
        let me = NIOLoopBound(self, eventLoop: executor.loop)
        NIOThreadPool.singleton.runIfActive(eventLoop: executor.loop) { try token() }
            .whenComplete { result in
                me.value.verifications -= 1
                done.value(result)
            }
    }

    /// Decides about a call by its caller, its path, and what the connection has open.
    ///
    /// - Parameter caller: Whose token was verified, or why it was not.
    func admit(
        _ caller: Result<Principal, any Error>,
        to method: ServedMethod,
        _ head: RequestHead
    ) throws(Fault) -> Principal {
        try logged(method) { () throws(Fault) in
            let verified: Principal
            do { verified = try caller.get() } catch { throw Fault(describing: error) }
            let principal = try core.admit(verified, from: peer, to: method.descriptor, head)
            // A service's connection carries the calls of many callers.
            guard
                abandonedHandlers.total <= core.limits.abandonedHandlersMax || abandonedHandlers[principal.subject] == 0
            else { throw .overloaded("too many cancelled calls of this caller still run") }
            if principal.kind != .anonymous { trust() }
            return principal
        }
    }

    private func logged<R>(_ method: ServedMethod, _ decide: () throws(Fault) -> R) throws(Fault) -> R {
        do throws(Fault) {
            return try decide()
        } catch {
            core.logger.debug(
                "call refused",
                metadata: ["rpc.method": "\(method.descriptor.path)", "reason": "\(error.reason)"]
            )
            throw error
        }
    }

    private func trust() {
        guard !share.isTrusted else { return }
        share.trust()
        bytes.trust()
        authenticationTask?.cancel()
        authenticationTask = nil
    }

    /// No token was accepted in time.
    private func authenticationDue() {
        guard !calls.values.contains(where: \.isRunning) else { return }
        perform(lifecycle.dismiss())
    }

    /// Another connection needs the space of this one, whose client is idle or makes no progress.
    func makeSpace() {
        if share.gaveWay { return perform(lifecycle.dismiss() + lifecycle.stop()) }
        // A client with a token gets to know which of its calls were not processed.
        if share.isTrusted { drain() } else { perform(lifecycle.dismiss()) }
    }

    /// The client has sent what is never accepted.
    func refuse(_ refusal: FrameGuard.Refusal) {
        core.logger.debug("connection refused", metadata: ["cause": "\(refusal)"])
        perform(lifecycle.refuse())
    }

    // MARK: What calls hold

    /// - Returns: False when the connection, or the process, would hold too many bytes.
    func reserve(_ count: Int) -> Bool {
        guard bytes.reserve(count) else { return false }
        progressed()
        return true
    }

    func release(_ count: Int) { bytes.release(count) }

    /// The client has sent a part of a message or taken a response, or the connection begins to wait for that.
    func progressed() {
        // Otherwise it need not give way.
        if bytes.isCharged { share.progressed(at: core.runtime.time.now) }
    }

    /// A handler begins.
    ///
    /// Without an accepted token the connection stays idle, so that it can be closed for another one.
    ///
    /// - Returns: Whether ``handlerEnded()`` must follow.
    func handlerBegan() -> Bool {
        guard share.isTrusted else { return false }
        share.began()
        return true
    }

    func handlerEnded() { share.ended(at: core.runtime.time.now) }

    private func perform(_ actions: [ServerConnectionLifecycle.Action]) {
        guard let context else { return }
        for action in actions {
            switch action {
            case .ping(let data):
                write(.ping(HTTP2PingData(withInteger: data), ack: false), context)
            case .goAway(let stream):
                let last = stream.map { HTTP2StreamID(Int($0)) } ?? .maxID
                write(.goAway(lastStreamID: last, errorCode: .noError, opaqueData: nil), context)
            case .calm:
                let payload = HTTP2Frame.FramePayload.goAway(
                    lastStreamID: .maxID,
                    errorCode: .enhanceYourCalm,
                    opaqueData: nil
                )
                write(payload, context)
            case .finish:
                // It stands in front of the HTTP/2 handler, unless the connection is closed.
                try? context.pipeline.syncOperations.handler(type: FrameGuardHandler.self).end()
                context.flush()
                context.close(mode: .output, promise: nil)
            case .close:
                context.flush()
                context.close(promise: nil)
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

    /// Of a stream: a repeat with a new token may succeed.
    static var notAuthenticatedAnyMore: Fault {
        Fault(.unavailable, .unavailable, "the token of the stream is not valid any more: call again with a new one")
    }

    /// Nothing has happened, and a repeat may succeed.
    static func overloaded(_ message: String) -> Fault {
        Fault(.resourceExhausted, .overloaded, message, retryAfter: .seconds(1))
    }
}

/// Notifies the connection's handler of its streams.
struct ServerStreams: NIOHTTP2StreamDelegate {
    let connection: NIOLoopBound<ServerConnectionHandler>

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) { connection.value.streamOpened(id) }
    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { connection.value.streamClosed() }
}
