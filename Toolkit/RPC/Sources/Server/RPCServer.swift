public import Logging
public import MartletContract
public import MartletCore
import NIOCore
import NIOHTTP2
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// Serves contracts as gRPC over HTTP/2 without TLS (h2c), together with grpc.health.v1.
///
/// Each call is a task on its connection's event loop: a handler must not block. A call ends with
/// `deadlineExceeded` at its `grpc-timeout`, `resourceExhausted` above a limit, `unimplemented` for an unknown method,
/// `unauthenticated` or `permissionDenied` when the method's contract does not admit the caller.
public final class RPCServer: Service {
    /// Who makes a call, by its headers, and by whom its connection authenticates: `nil` for no peer.
    public typealias Authenticate = @Sendable (CallHeaders, PeerIdentity?) throws -> CallAuthentication

    private struct Accepted {
        var connections: [ObjectIdentifier: NIOLoopBound<ServerConnectionHandler>] = [:]
        /// No connection is accepted any more, not even one that the socket has accepted already.
        var isDraining = false
    }

    /// The health of the services; all are serving at the start.
    package let health: HealthRegistry

    private let host: String
    private let port: Int
    private let core: ServerCore
    private let budget: ListenerBudget
    private let accepted = Mutex(Accepted())
    private let bound: EventLoopPromise<Int>
    private let loops = MultiThreadedEventLoopGroup.singleton

    /// - Parameters:
    ///   - contracts: What is served.
    ///   - host: The address to listen on.
    ///   - port: 0 selects a free port; ``boundPort()`` returns it.
    ///   - limits: The limits of connections, calls and messages.
    ///   - budget: The connections and bytes that this listener shares with the others of its process, usually
    ///     `ListenerBudget.process`.
    ///   - runtime: The clocks and the random numbers.
    ///   - logger: Receives refused calls, and errors of connections and handlers.
    ///   - authenticate: Who makes a call: `anonymous` without credentials, a `Fault` for invalid ones. A service's principal
    ///     gets the party for whom its call states that it speaks. It runs on the connection's event loop when the headers have
    ///     arrived: it must not block, and leaves the check of a signature to a thread, as ``CallAuthentication/unverified(_:)``.
    ///     Nothing of a message is read before, and no handler runs before the check has ended. For a stream it runs again, with
    ///     the headers of its call, as long as the stream is open: the stream ends when they are not accepted any more.
    public init(
        contracts: [ServedContract],
        host: String,
        port: Int,
        limits: RPCServerLimits,
        budget: ListenerBudget,
        runtime: Runtime,
        logger: Logger,
        authenticate: @escaping Authenticate
    ) {
        self.host = host
        self.port = port
        self.budget = budget
        let health = HealthRegistry(services: contracts.map(\.name))
        self.health = health
        core = ServerCore(
            table: MethodTable(contracts + [.health(health)]),
            limits: limits,
            runtime: runtime,
            logger: logger,
            authenticate: authenticate
        )
        bound = loops.any().makePromise()
    }

    deinit { bound.fail(ServerNeverBound()) }

    /// The port on which calls are served; waits until `run` has bound it.
    ///
    /// - Throws: The error that prevented `run` from binding.
    public func boundPort() async throws -> Int { try await bound.futureResult.get() }

    /// Serves until graceful shutdown, then drains.
    ///
    /// Draining reports all services as not serving, sends GOAWAY, and lets open calls end within the limits. When the
    /// task is cancelled instead, connections are closed immediately.
    public func run() async throws {
        let listener: any Channel
        do {
            listener = try await bind()
        } catch {
            let fault = CannotListen(host: host, port: port, cause: error)
            bound.fail(fault)
            throw fault
        }
        bound.succeed(listener.localAddress?.port ?? port)
        core.logger.debug(
            "serving calls",
            metadata: ["host": "\(host)", "port": "\(listener.localAddress?.port ?? port)"]
        )
        let gracefully: Bool
        do {
            try await gracefulShutdown()
            gracefully = true
        } catch {
            gracefully = false
        }
        health.finish()
        try? await listener.close()  // It may be closed already; nothing else can fail here.
        await drain(gracefully)
    }

    private func drain(_ gracefully: Bool) async {
        let open = accepted.withLock { accepted in
            accepted.isDraining = true
            return accepted.connections.values.map { $0 }
        }
        let closed = open.map { connection in
            connection.eventLoop.flatSubmit {
                let handler = connection.value
                if gracefully { handler.drain() } else { handler.stop() }
                return handler.closed
            }
        }
        // A connection that breaks while it drains is closed too.
        try? await EventLoopFuture.andAllComplete(closed, on: loops.any()).get()
    }

    private func bind() async throws -> any Channel {
        try await ServerBootstrap(group: loops)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let self else { throw ServerNeverBound() }
                    try self.accept(channel)
                }
            }
            .bind(host: host, port: port).get()
    }

    /// Sets up the connection on a new channel, on its event loop.
    func accept(_ channel: any Channel) throws {
        let peer = channel.remoteAddress?.ipAddress.flatMap { IPAddress($0) }
        guard let share = budget.open(from: peer, time: core.runtime.time, close: { Self.makeSpace(channel) }) else {
            throw Fault(.resourceExhausted, .overloaded, "too many connections")
        }
        channel.closeFuture.whenComplete { _ in share.closed() }
        let handler = ServerConnectionHandler(core, share: share, channel: channel)
        let connection = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        let id = ObjectIdentifier(handler)
        let isAccepted = accepted.withLock { accepted in
            guard !accepted.isDraining else { return false }
            accepted.connections[id] = connection
            return true
        }
        guard isAccepted else { throw Fault.shuttingDown }
        channel.closeFuture.whenComplete { [weak self] _ in
            _ = self?.accepted.withLock { $0.connections.removeValue(forKey: id) }
        }
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(FlushOncePerTurn())
        let frames = FrameGuardHandler(
            FrameGuard(.server, limits: core.limits.frames),
            time: core.runtime.time,
            pausesReads: true,
            onRefusal: { Self.refuse($0, on: channel) }
        )
        try pipeline.addHandler(frames)
        _ = try pipeline.configureHTTP2Pipeline(
            mode: .server,
            connectionConfiguration: core.limits.connection,
            streamConfiguration: core.limits.stream,
            streamDelegate: ServerStreams(connection: connection)
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(ServerCallHandler(connection.value))
            }
        }
        try pipeline.addHandler(handler)
    }
}

extension RPCServer {
    /// Ends a connection whose frames are refused.
    ///
    /// The handler is looked up: a weak reference to it would make each of its uses, several in every call, slower.
    private static func refuse(_ refusal: FrameGuard.Refusal, on channel: any Channel) {
        do {
            try channel.pipeline.syncOperations.handler(type: ServerConnectionHandler.self).refuse(refusal)
        } catch {
            channel.close(promise: nil)
        }
    }

    /// Closes a connection for another one.
    private static func makeSpace(_ channel: any Channel) {
        channel.eventLoop.execute {
            do {
                try channel.pipeline.syncOperations.handler(type: ServerConnectionHandler.self).makeSpace()
            } catch {
                // It has no handler yet, or any more.
                channel.close(promise: nil)
            }
        }
    }
}

/// `run` has never been called.
struct ServerNeverBound: Error {}

extension RPCServerLimits {
    var frames: FrameGuard.Limits {
        FrameGuard.Limits(
            controlBytesMax: controlBytesMax,
            controlFramesMax: controlFramesMax,
            window: floodWindow,
            // The parser allows 100 calls before; a client that has not seen a lower limit must not violate it.
            acknowledgesEarly: callsPerConnectionMax >= 100
        )
    }

    var connection: NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: callsPerConnectionMax),
            HTTP2Setting(parameter: .maxHeaderListSize, value: headerBytesHardMax),
            HTTP2Setting(parameter: .initialWindowSize, value: callWindowBytes),
        ]
        configuration.targetWindowSize = connectionWindowBytes
        // Frames of calls that were ended here may still arrive; they are not a protocol violation.
        configuration.maximumRecentlyResetStreams = callsPerConnectionMax
        // Counted among the control frames.
        configuration.maximumSequentialEmptyDataFrames = controlFramesMax
        configuration.controlFrameRateLimit.maximumCount = controlFramesMax
        configuration.controlFrameRateLimit.windowLength = TimeAmount(floodWindow)
        return configuration
    }

    var stream: NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        configuration.targetWindowSize = callWindowBytes
        configuration.outboundBufferSizeHighWatermark = outboundBytesMax
        configuration.outboundBufferSizeLowWatermark = outboundBytesMax / 2
        configuration.streamResetFrameRateLimit.maximumCount = controlFramesMax
        configuration.streamResetFrameRateLimit.windowLength = TimeAmount(floodWindow)
        configuration.streamErrorRateLimit.maximumCount = controlFramesMax
        configuration.streamErrorRateLimit.windowLength = TimeAmount(floodWindow)
        return configuration
    }
}
