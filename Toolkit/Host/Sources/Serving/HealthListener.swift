import HTTPTypes
package import Logging
import MartletContract
package import MartletCore
import MartletHTTP
import MartletREST
package import MartletTelemetry
import Synchronization

/// The listener for health and metrics of a process: `/livez`, `/readyz` and `/metrics`, and nothing else.
///
/// It answers from before the services of the process are built until they have ended: during migrations, and while the
/// process drains.
package struct HealthListener: Sendable {
    /// What it reports; replaced once the services are built.
    private final class Shown: Sendable {
        private struct Contents {
            var readiness: Readiness?
            var metrics: [MetricsRegistry]
        }

        private let contents: Mutex<Contents>

        var readiness: Readiness? { contents.withLock { $0.readiness } }
        var metrics: [MetricsRegistry] { contents.withLock { $0.metrics } }

        init(_ metrics: MetricsRegistry) { contents = Mutex(Contents(readiness: nil, metrics: [metrics])) }

        func set(_ readiness: Readiness, _ metrics: [MetricsRegistry]) {
            contents.withLock { $0 = Contents(readiness: readiness, metrics: metrics) }
        }
    }

    private let server: RESTServer
    private let shown: Shown

    /// - Parameters:
    ///   - address: Where it listens.
    ///   - metrics: Those of the process, until ``show(_:_:)``.
    ///   - system: The system to which the process belongs; requests for another are refused.
    ///   - budget: The connections and bytes of all listeners together.
    ///   - runtime: The clocks and the random numbers.
    ///   - logger: The log of the process; requests of these paths leave no line.
    package init(
        _ address: ListenAddress,
        metrics: MetricsRegistry,
        system: SystemName?,
        budget: ListenerBudget = .process,
        runtime: Runtime,
        logger: Logger
    ) {
        let shown = Shown(metrics)
        var edge = RESTEdge(
            routes: RouteTable<Void>(),
            runtime: runtime,
            log: logger,
            peer: nil,
            observe: { _ in },
            // There is no route: it is never called.
            handle: { _, _, _ in ServerResponse(status: .notFound) }
        )
        edge.system = system?.description
        HealthEndpoints { shown.readiness }.each { path, handler in edge.add(path, handler) }
        edge.add("/metrics") { _ in
            HealthEndpoints.text(.ok, MetricsText.exposition(of: shown.metrics), type: MetricsText.contentType)
        }
        self.shown = shown
        server = RESTServer(
            host: address.host,
            port: address.port,
            limits: .standard,
            budget: budget,
            time: runtime.time,
            logger: logger,
            respond: { [edge] request, connection in await edge.answer(request, on: connection) }
        )
    }

    /// Reports the state of the services, which are built.
    func show(_ readiness: Readiness, _ metrics: [MetricsRegistry]) { shown.set(readiness, metrics) }

    /// The port on which it listens; waits until it is bound.
    package func boundPort() async throws -> Int { try await server.boundPort() }

    /// Answers while `body` runs; begins `body` once the port is bound.
    ///
    /// - Throws: The error of `body`; `CannotListen`, before `body` has begun; another error when the listener ends by itself.
    package func whileRunning<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) async throws -> R {
        try await withThrowingTaskGroup(of: R?.self) { group in
            group.addTask { [server] in
                try await server.run()
                return nil
            }
            defer { group.cancelAll() }
            _ = try await server.boundPort()
            group.addTask { try await body() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }
}
