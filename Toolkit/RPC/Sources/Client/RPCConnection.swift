public import MartletContract
public import MartletCore
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import SwiftProtobuf
import Synchronization

/// Calls one address over gRPC (HTTP/2 without TLS), on one connection at a time, opened on demand.
///
/// Safe to share between tasks. While the address cannot be reached, calls fail immediately with `unavailable` between
/// attempts whose delays grow. A fault whose `isNotProcessed` is true never reached a handler, so that even a write may
/// be sent again; a unary call that a reachable peer did not process is, up to `attemptsMax`. After any other
/// `unavailable`, `cancelled` or `deadlineExceeded` the outcome is unknown. Cancelling the calling task cancels the
/// handler, by resetting the stream or at the latest by the call's deadline.
public final class RPCConnection: RPCChannel {
    private struct Waiter {
        let call: ClientCallHandler
    }

    /// What one call sends.
    private struct Prepared {
        let headers: HPACKHeaders
        let message: ByteBuffer
        let deadline: Moment?
    }

    private let host: String
    private let port: Int
    private let authority: String
    private let limits: RPCClientLimits
    private let runtime: Runtime
    private let authorization: (@Sendable (CallContext) async throws -> String?)?
    private let loop: any EventLoop
    private let deadlines: NIOLoopBoundBox<DeadlineTimer<ClientCallHandler>>
    private let lifecycle: Mutex<ClientConnectionLifecycle<ClientLink, Waiter>>
    private let links = Mutex<[ObjectIdentifier: ClientLink]>([:])

    /// - Parameters:
    ///   - host: A name or an IP address.
    ///   - port: The TCP port.
    ///   - limits: The limits and timeouts of the connection.
    ///   - runtime: The clocks and the random numbers.
    ///   - authorization: The value of the `authorization` header for one call; without the closure, or for `nil`, none
    ///     is sent.
    public init(
        host: String,
        port: Int,
        limits: RPCClientLimits,
        runtime: Runtime,
        authorization: (@Sendable (CallContext) async throws -> String?)?
    ) {
        self.host = host
        self.port = port
        authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        self.limits = limits
        self.runtime = runtime
        self.authorization = authorization
        let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
        self.loop = loop
        deadlines = NIOLoopBoundBox.makeBoxSendingValue(
            DeadlineTimer<ClientCallHandler>(loop: loop, time: runtime.time) { $0.expire() },
            eventLoop: loop
        )
        lifecycle = Mutex(ClientConnectionLifecycle(waitersMax: limits.callsMax))
    }

    deinit { closeLinks() }

    public func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        let prepared = try await prepare(method, request, context: context)
        var attempts = 1
        while true {
            do {
                return try Self.decode(try await send(prepared))
            } catch let fault as Fault
                where fault.isNotProcessed && fault.retryAfter == nil && fault.code == .unavailable
                && attempts < limits.attemptsMax
            {
                // A stream that crossed GOAWAY or the peer's stream limit never reached a handler.
                attempts += 1
            }
        }
    }

    private func send(_ prepared: Prepared) async throws -> ByteBuffer {
        let call = handler(prepared)
        return try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { continuation in
                dispatch(call, .unary(continuation))
            }
        } onCancel: {
            call.cancel()
        }
    }

    public func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        let call = handler(try await prepare(method, request, context: context))
        let reader = ResponseReader(call, messagesAhead: limits.messagesAhead)
        dispatch(call, .stream(reader.inbox))
        return ResponseStream {
            guard let message = try await reader.next() else { return nil }
            do { return try Self.decode(message) } catch {
                reader.cancel()
                throw error
            }
        }
    }

    /// Ends open calls with `unavailable` and refuses further ones; waits until the sockets are closed.
    ///
    /// A repeat does nothing.
    public func close() async {
        for closed in closeLinks() {
            try? await closed.get()  // `closeFuture` cannot fail.
        }
    }

    /// Refuses further calls, and closes with the last open one: for an address that accepts no more calls.
    ///
    /// Returns immediately. A repeat does nothing.
    package func retire() {
        let waiting = lifecycle.withLock { $0.close() }
        let open = links.withLock { $0.values.map { $0 } }
        // Releasing the connection must not end calls that are open on it.
        for link in open { link.channel.closeFuture.whenComplete { _ in withExtendedLifetime(self) {} } }
        loop.execute {
            for waiter in waiting { waiter.call.interrupt(.notProcessed("the connection was closed")) }
            for link in open { link.handler.value.retire() }
        }
    }

    @discardableResult
    private func closeLinks() -> [EventLoopFuture<Void>] {
        let fault = Fault(.unavailable, .unavailable, "the connection was closed")
        let waiting = lifecycle.withLock { $0.close() }
        let open = links.withLock { $0.values.map { $0 } }
        loop.execute {
            for waiter in waiting { waiter.call.interrupt(.notProcessed("the connection was closed")) }
            for link in open { link.handler.value.stop(fault) }
        }
        return open.map(\.channel.closeFuture)
    }

    private func prepare(
        _ method: MethodDescriptor,
        _ request: some ContractMessage,
        context: CallContext
    ) async throws -> Prepared {
        let value = if let authorization { try await authorization(context) } else { String?.none }
        let left = context.deadline.map { $0 - runtime.time.now }
        if let left, left <= .zero { throw Fault.deadlineExceeded }
        let headers = try RequestHeaders.make(
            method,
            context,
            authority: authority,
            authorization: value,
            left: left,
            bytesMax: limits.headerBytesMax
        )
        let message: FramedMessage = try request.serializedBytes()
        guard message.count <= limits.messageBytesMax else {
            throw Fault(
                .resourceExhausted,
                .requestTooLarge,
                "a request of \(message.count) bytes is longer than the limit of \(limits.messageBytesMax)",
                cause: NotProcessed()
            )
        }
        return Prepared(headers: headers, message: message.buffer, deadline: context.deadline)
    }

    private func handler(_ prepared: Prepared) -> ClientCallHandler {
        ClientCallHandler(
            headers: prepared.headers,
            message: prepared.message,
            deadline: prepared.deadline,
            messageBytesMax: limits.messageBytesMax,
            deadlines: deadlines
        )
    }

    private static func decode<Response: ContractMessage>(_ message: ByteBuffer) throws -> Response {
        do { return try Response(serializedBytes: ReceivedMessage(message)) } catch {
            throw Fault(.internal, .internal, "the response is not the method's message", cause: error)
        }
    }

    private func dispatch(_ call: ClientCallHandler, _ sink: ClientCallHandler.Sink) {
        let begin = lifecycle.withLock { $0.begin(Waiter(call: call), now: runtime.time.now) }
        switch begin {
        case .open(let link): call.begin(sink, on: link)
        case .wait: loop.execute { call.attach(sink) }
        case .connect(let number):
            loop.execute { call.attach(sink) }
            connect(number)
        case .replace(let link, let number):
            loop.execute {
                call.attach(sink)
                link.handler.value.retire()
            }
            connect(number)
        case .refuse(let fault):
            loop.execute {
                call.attach(sink)
                call.interrupt(fault)
            }
        }
    }

    private func connect(_ number: UInt64) {
        let limits = limits
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(limits.connectTimeout))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            // Not after the connect: the handlers must be installed before the peer's first bytes arrive.
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.install(channel, number) }
            }
        open(bootstrap)
            .flatMapThrowing { channel in try Self.link(channel) }
            .whenComplete { result in self.connected(number, result) }
    }

    private func open(_ bootstrap: ClientBootstrap) -> EventLoopFuture<any Channel> {
        // The resolver shares the threads of all tasks: a numeric address must not wait for a free one.
        if let address = try? SocketAddress(ipAddress: host, port: port) { return bootstrap.connect(to: address) }
        return bootstrap.connect(host: host, port: port)
    }

    private static func link(_ channel: any Channel) throws -> ClientLink {
        let pipeline = channel.pipeline.syncOperations
        let handler = try pipeline.handler(type: ClientLinkHandler.self)
        // A peer that has already closed has notified the handler, which gets no second notification.
        guard channel.isActive, !handler.isLost else { throw ChannelError.ioOnClosedChannel }
        return ClientLink(
            channel: channel,
            multiplexer: try pipeline.handler(type: NIOHTTP2Handler.self).syncMultiplexer(),
            handler: NIOLoopBound(handler, eventLoop: channel.eventLoop)
        )
    }

    private func install(_ channel: any Channel, _ number: UInt64) throws {
        let handler = ClientLinkHandler(
            limits: limits,
            onConfirmed: { [weak self] in self?.lifecycle.withLock { $0.confirmed(number) } },
            onLoss: { [weak self] confirmed in
                guard let self else { return }
                let until = backoffEnd()
                lifecycle.withLock { $0.lost(number, confirmed: confirmed, until: until) }
            }
        )
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(FlushOncePerTurn())
        let frames = FrameGuardHandler(
            FrameGuard(.client, limits: limits.frames),
            time: runtime.time,
            pausesReads: false,
            onRefusal: { _ in channel.close(promise: nil) }
        )
        try pipeline.addHandler(frames)
        _ = try pipeline.configureHTTP2Pipeline(
            mode: .client,
            connectionConfiguration: limits.connection,
            streamConfiguration: limits.stream
        ) { stream in
            // A gRPC server opens no streams.
            stream.eventLoop.makeFailedFuture(CancellationError())
        }
        try pipeline.addHandler(handler)
    }

    private func connected(_ number: UInt64, _ result: Result<ClientLink, any Error>) {
        switch result {
        case .success(let link):
            let id = ObjectIdentifier(link.handler.value)
            links.withLock { $0[id] = link }
            link.channel.closeFuture.whenComplete { [weak self] _ in
                _ = self?.links.withLock { $0.removeValue(forKey: id) }
            }
            guard let waiters = lifecycle.withLock({ $0.connected(number, link) }) else {
                return link.channel.close(promise: nil)
            }
            for waiter in waiters { waiter.call.open(on: link) }
        case .failure:
            let until = backoffEnd()
            let waiters = lifecycle.withLock { $0.connectFailed(number, until: until) }
            let fault = Fault.notProcessed("the peer cannot be reached", retryAfter: until - runtime.time.now)
            for waiter in waiters { waiter.call.interrupt(fault) }
        }
    }

    private func backoffEnd() -> Moment {
        let failures = lifecycle.withLock { $0.failures }
        return runtime.time.now + limits.backoff.delay(after: failures + 1, runtime.entropy)
    }
}
