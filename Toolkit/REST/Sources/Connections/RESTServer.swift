import HTTPTypes
import HummingbirdCore
package import Logging
package import MartletCore
package import MartletHTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// The HTTP/1.1 listener under every REST edge.
///
/// It sets the header `Date` of every response, also of one that another server has dated.
package struct RESTServer: Service {
    private let connection: HTTP1Channel
    private let configuration: ServerConfiguration
    private let bound = BoundPort()
    private let host: String
    private let port: Int
    private let logger: Logger

    /// - Parameters:
    ///   - host: The address to listen on.
    ///   - port: 0 selects a free port; ``boundPort()`` returns it.
    ///   - limits: The limits of each connection.
    ///   - budget: The connections and bytes that this listener shares with the others of its process, usually
    ///     `ListenerBudget.process`.
    ///   - time: The clock of the header `Date`, and of idle connections.
    ///   - logger: Receives errors of the listener and its connections.
    ///   - respond: Answers a request; the requests of one connection are answered one after another.
    package init(
        host: String,
        port: Int,
        limits: ConnectionLimits,
        budget: ListenerBudget,
        time: any TimeSource,
        logger: Logger,
        respond: @escaping @Sendable (ServerRequest, RESTConnection) async -> ServerResponse
    ) {
        self.host = host
        self.port = port
        var quiet = logger
        // Hummingbird would log each start and stop as well.
        quiet.logLevel = max(.warning, logger.logLevel)
        self.logger = quiet
        configuration = ServerConfiguration(address: .hostname(host, port: port))
        let date = DateHeader(time)
        connection = HTTP1Channel(
            limits: limits,
            budget: budget,
            time: time,
            date: date,
            answer: { (request, connection, writer: consuming ResponseWriter) in
                var response = await respond(ServerRequest(request), connection)
                response.headers[.date] = date.value
                connection.responseBegins()
                do {
                    try await writer.write(response: response.head, body: response.body.hummingbird)
                } catch is HTTPParserError {
                    // Hummingbird answers a parser error with a 400, which would be a second response to this request.
                    throw RequestBroken()
                }
            }
        )
    }

    /// The port on which requests are served; waits until `run` has bound it.
    ///
    /// - Throws: The error that prevented `run` from binding.
    package func boundPort() async throws -> Int { try await bound.wait() }

    /// Serves until graceful shutdown, then drains: requests that have begun get their responses.
    ///
    /// - Throws: `CannotListen` for a port that is in use or not permitted; another error when the listener ends without
    ///   a shutdown.
    package func run() async throws {
        let (bound, port) = (bound, port)
        let server = Server(
            childChannelSetup: connection,
            configuration: configuration,
            onServerRunning: { channel in bound.set(.success(channel.localAddress?.port ?? port)) },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: logger
        )
        do {
            try await server.run()
            // A server whose listening socket fails logs the error and returns as after a shutdown.
            guard Task.isCancelled || Task.isShuttingDownGracefully else { throw ListenerEnded(host: host, port: port) }
            bound.set(.failure(ListenerNeverBound()))
        } catch  where !bound.isBound {
            let fault = CannotListen(host: host, port: port, cause: error)
            bound.set(.failure(fault))
            throw fault
        }
    }
}

/// A request proved to be malformed while its response was being written.
struct RequestBroken: Error {}

/// A listener ended without a shutdown.
struct ListenerEnded: Error, CustomStringConvertible {
    let host: String
    let port: Int

    var description: String { "the listener on \(host):\(port) ended unexpectedly" }
}
