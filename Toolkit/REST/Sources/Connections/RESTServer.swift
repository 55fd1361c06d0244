public import Hummingbird
import HummingbirdCore
public import Logging
import MartletCore
import NIOCore
public import ServiceLifecycle

/// The HTTP/1.1 listener under every REST edge.
public struct RESTServer: Service {
    private let application: any ApplicationProtocol
    private let bound = BoundPort()
    private let host: String
    private let port: Int

    /// - Parameters:
    ///   - responder: Answers the requests.
    ///   - host: The address to listen on.
    ///   - port: 0 selects a free port; ``boundPort()`` returns it.
    ///   - limits: The limits of each connection.
    ///   - logger: Receives errors of the listener and its connections.
    public init(
        _ responder: some HTTPResponder<BasicRequestContext>,
        host: String,
        port: Int,
        limits: ConnectionLimits,
        logger: Logger
    ) {
        self.host = host
        self.port = port
        var quiet = logger
        // Hummingbird would log each start and stop as well.
        quiet.logLevel = max(.warning, logger.logLevel)
        let bound = bound
        application = Application(
            responder: responder,
            server: HTTPServerBuilder { respond in
                let configuration = HummingbirdCore.HTTP1Channel.Configuration(
                    idleTimeout: .nanoseconds(limits.idle.nanosecondsClamped)
                )
                let base = HummingbirdCore.HTTP1Channel(responder: respond, configuration: configuration)
                return HTTP1Channel(base: base, limits: limits)
            },
            configuration: ApplicationConfiguration(
                address: .hostname(host, port: port),
                serverName: nil,
                // One more waits in the kernel's queue until another closes.
                availableConnectionsDelegate: MaximumAvailableConnections(ConnectionBudget.connections)
            ),
            onServerRunning: { channel in bound.set(.success(channel.localAddress?.port ?? port)) },
            logger: quiet
        )
    }

    /// The port on which requests are served; waits until `run` has bound it.
    ///
    /// - Throws: The error that prevented `run` from binding.
    public func boundPort() async throws -> Int { try await bound.wait() }

    /// Serves until graceful shutdown, then drains.
    ///
    /// - Throws: `CannotListen` for a port that is in use or not permitted.
    public func run() async throws {
        do {
            try await application.run()
            bound.set(.failure(ListenerNeverBound()))
        } catch  where !bound.isBound {
            let fault = CannotListen(host: host, port: port, cause: error)
            bound.set(.failure(fault))
            throw fault
        }
    }
}
