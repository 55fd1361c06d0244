package import MartletCore
package import NIOCore
package import NIOHTTP1
import NIOPosix
import Synchronization

/// Sends requests over HTTP/1.1 without TLS, each alone on a pooled connection.
///
/// Safe to share between tasks. A request is sent at most once, and redirects are not followed: after an error other than
/// ``HTTP1NotSent``, the outcome is unknown. Cancelling the calling task closes the request's connection; after a timeout it stays open for a
/// while, since its peer is often about to respond. `shutdown` must be called at the end.
package final class HTTP1Client: Sendable {
    /// A request with its whole body.
    package struct Request: Sendable {
        var method: String
        /// The path and the query; bytes that a target cannot contain are sent percent-encoded.
        var target: String
        /// The client sets `Host` and `Content-Length`.
        package var headers: HTTPHeaders
        var body: ByteBuffer
        /// Whose request it is: no caller gets all connections.
        ///
        /// All requests without a caller are one caller's.
        package var caller: ExactText = ""

        package init(method: String, target: String, headers: HTTPHeaders, body: ByteBuffer) {
            self.method = method
            self.target = target
            self.headers = headers
            self.body = body
        }
    }

    /// A POST of bytes.
    ///
    /// - Parameters:
    ///   - body: The whole body.
    ///   - type: Its media type.
    ///   - target: The path and the query.
    package static func post(_ body: [UInt8], type: String, to target: String) -> Request {
        Request(method: "POST", target: target, headers: ["content-type": type], body: ByteBuffer(bytes: body))
    }

    /// A response with its whole body; informational responses are dropped.
    package struct Response: Sendable {
        package let status: HTTPResponseStatus
        package let headers: HTTPHeaders
        package let body: ByteBuffer

        /// The status as a number.
        package var code: Int { Int(status.code) }

        /// The bytes of the body, copied.
        package var bytes: [UInt8] { Array(body.readableBytesView) }

        /// The first value of a header; `nil` without one.
        package func header(_ name: String) -> String? { headers.first(name: name) }
    }

    private let limits: HTTP1ClientLimits
    private let pool: Mutex<ConnectionPool<ClientConnection, ClientExchange>>

    package init(limits: HTTP1ClientLimits) {
        self.limits = limits
        pool = Mutex(ConnectionPool(connectionsMax: limits.connectionsMax, waitersMax: limits.waitersMax))
    }

    /// - Parameters:
    ///   - request: Path, headers and body; `host` is added.
    ///   - host: A name or an IP address; IPv6 without brackets.
    ///   - port: The TCP port.
    ///   - timeout: The time until the response is complete, including the wait for a connection.
    ///   - responseBytesMax: The maximum size of the response's body.
    ///   - reserve: Gets how many bytes the response's body has: by its head, if that announces a length, then with
    ///     each piece before it is kept, always in total. False refuses the response. It runs on an event loop and must
    ///     not block; a call of it may outlast `send` for a moment. By default nothing is refused.
    /// - Throws: ``HTTP1NotSent`` without a connection, ``HTTP1ClientError``, `CancellationError`, or why the connection
    ///   failed later.
    package func send(
        _ request: Request,
        host: String,
        port: Int,
        timeout: Duration,
        responseBytesMax: Int,
        reserve: @escaping @Sendable (Int) -> Bool = { _ in true }
    ) async throws -> Response {
        let peer = ClientPeer(host: host, port: port)
        let head = try Self.head(of: request, for: peer)
        let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let exchange = ClientExchange(
            head: head,
            body: request.body,
            caller: request.caller,
            responseBytesMax: responseBytesMax,
            reserve: reserve,
            on: loop
        )
        let deadline = loop.scheduleTask(in: TimeAmount(timeout)) { exchange.timeOut() }
        exchange.response.whenComplete { _ in deadline.cancel() }
        exchange.response.whenFailure { _ in
            self.pool.withLock { $0.abandon(exchange.id, of: exchange.caller, peer) }
        }
        return try await withTaskCancellationHandler {
            start(exchange, peer)
            return try await exchange.response.get()
        } onCancel: {
            exchange.end(.failure(CancellationError()))
        }
    }

    /// Closes all connections, so that open requests fail, and refuses further ones; waits until the sockets are closed.
    ///
    /// A repeat does nothing.
    package func shutdown() async {
        let (connections, waiters) = pool.withLock { $0.close() }
        for waiter in waiters { waiter.end(.failure(HTTP1ClientError.shutDown)) }
        for connection in connections { connection.channel.close(promise: nil) }
        for connection in connections {
            try? await connection.channel.closeFuture.get()  // `closeFuture` cannot fail.
        }
    }

    private static func head(of request: Request, for peer: ClientPeer) throws -> HTTPRequestHead {
        guard request.target.hasPrefix("/") else { throw HTTP1ClientError.invalidTarget }
        var headers = request.headers
        headers.replaceOrAdd(name: "host", value: peer.authority)
        headers.remove(name: "transfer-encoding")
        headers.remove(name: "content-length")
        let length = request.body.readableBytes
        if length > 0 || !["GET", "HEAD", "DELETE", "TRACE"].contains(request.method) {
            headers.add(name: "content-length", value: "\(length)")
        }
        return HTTPRequestHead(
            version: .http1_1,
            method: HTTPMethod(rawValue: request.method),
            uri: RequestTarget.encoded(request.target),
            headers: headers
        )
    }

    private func start(_ exchange: ClientExchange, _ peer: ClientPeer) {
        switch pool.withLock({ $0.begin(exchange, of: exchange.caller, to: peer) }) {
        case .use(let connection): send(exchange, on: connection, peer, isReused: true)
        case .connect: connect(exchange, peer)
        case .wait: break
        case .refuse(let error): exchange.end(.failure(error))
        }
    }

    private func send(_ exchange: ClientExchange, on connection: ClientConnection, _ peer: ClientPeer, isReused: Bool) {
        let channel = connection.channel
        channel.eventLoop.execute {
            guard !exchange.isEnded else { return self.release(connection, peer) }
            guard channel.isActive else {
                // Nothing was sent. A new connection that is closed already is a failure of its peer.
                if isReused { return self.start(exchange, peer) }
                return exchange.end(.failure(HTTP1NotSent(cause: HTTP1ClientError.connectionClosed)))
            }
            exchange.response.whenFailure { error in
                guard error as? HTTP1ClientError == .timedOut else { return channel.close(promise: nil) }
                // The peer has the same timeout, so that most connections need not be made anew.
                channel.eventLoop.scheduleTask(in: TimeAmount(self.limits.linger)) {
                    ClientExchangeHandler.abandon(exchange, on: channel)
                }
            }
            let written = channel.eventLoop.makePromise(of: Void.self)
            written.futureResult.whenFailure { exchange.end(.failure($0)) }
            channel.writeAndFlush(exchange, promise: written)
        }
    }

    private func connect(_ exchange: ClientExchange, _ peer: ClientPeer) {
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(TimeAmount(limits.connectTimeout))
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.install(channel, peer) }
            }
        peer.open(bootstrap).whenComplete { result in
            switch result {
            case .success(let channel): self.connected(ClientConnection(channel: channel), to: peer, for: exchange)
            case .failure(let error):
                exchange.end(.failure(HTTP1NotSent(cause: error)))
                self.replace(self.pool.withLock { $0.failed(for: exchange.caller, peer) }, peer)
            }
        }
    }

    private func install(_ channel: any Channel, _ peer: ClientPeer) throws {
        let connection = ClientConnection(channel: channel)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTPRequestEncoder())
        try pipeline.addHandler(limits.decoder)
        try pipeline.addHandler(NIOHTTPRequestHeadersValidator())
        try pipeline.addHandler(IdleStateHandler(allTimeout: TimeAmount(limits.idleTimeout)))
        try pipeline.addHandler(
            ClientExchangeHandler(
                onFree: { self.release(connection, peer) },
                onIdle: {
                    // Not while a request has it, or is just getting it.
                    if self.pool.withLock({ $0.retire(connection.id, peer) }) { channel.close(promise: nil) }
                }
            )
        )
    }

    private func connected(_ connection: ClientConnection, to peer: ClientPeer, for exchange: ClientExchange) {
        let isOpen = pool.withLock { $0.connected(connection, for: exchange.caller, to: peer) }
        connection.channel.closeFuture.whenComplete { _ in
            self.replace(self.pool.withLock { $0.lost(connection.id, peer) }, peer)
        }
        if isOpen {
            send(exchange, on: connection, peer, isReused: false)
        } else {
            exchange.end(.failure(HTTP1ClientError.shutDown))
            connection.channel.close(promise: nil)
        }
    }

    private func release(_ connection: ClientConnection, _ peer: ClientPeer) {
        switch pool.withLock({ $0.release(connection, to: peer) }) {
        case .use(let exchange): send(exchange, on: connection, peer, isReused: true)
        case .idle: break
        case .close: connection.channel.close(promise: nil)
        }
    }

    /// Connects for a request that has waited.
    private func replace(_ next: ClientExchange?, _ peer: ClientPeer) {
        if let next { connect(next, peer) }
    }
}

/// An established connection of a client.
struct ClientConnection: Identifiable, Sendable {
    let channel: any Channel

    var id: ObjectIdentifier { ObjectIdentifier(channel) }
}

/// Where connections of a client lead to.
struct ClientPeer: Hashable, Sendable {
    let host: String
    let port: Int

    /// The value of `Host`; without the zone of an IPv6 address, which is this machine's own.
    var authority: String {
        host.contains(":") ? "[\(host.prefix { $0 != "%" })]:\(port)" : "\(host):\(port)"
    }

    func open(_ bootstrap: ClientBootstrap) -> EventLoopFuture<any Channel> {
        // The resolver shares the threads of all tasks: a numeric address must not wait for a free one.
        if let address = try? SocketAddress(ipAddress: host, port: port) { return bootstrap.connect(to: address) }
        return bootstrap.connect(host: host, port: port)
    }
}
