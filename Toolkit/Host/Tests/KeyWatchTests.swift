import Logging
import MartletCore
import MartletSecurity
import MartletTelemetry
import MartletTesting
import ServiceLifecycle
import Synchronization
import Testing

@testable import MartletHost

@Suite("Watch of the public keys", .timeLimit(.minutes(HangLimit.testMinutes)))
struct KeyWatchTests {
    /// Keys that state whether they are watched.
    private final class WatchedKeys: KeySource {
        let current = KeySnapshot(keys: [], version: 1)
        let began = Gate()
        private let time = ManualTime()
        private let isWatchedNow = Mutex(false)

        var fault: String? { nil }

        var isWatched: Bool { isWatchedNow.withLock { $0 } }

        func watch() async throws {
            isWatchedNow.withLock { $0 = true }
            defer { isWatchedNow.withLock { $0 = false } }
            began.open()
            try await time.sleep(for: .seconds(3_600))
        }
    }

    /// A listener that looks at the keys when it begins to drain.
    private final class DrainingServer: HTTPServer {
        private let keys: WatchedKeys
        private let state = Mutex<Bool?>(nil)

        init(_ keys: WatchedKeys) { self.keys = keys }

        /// `nil` before.
        var drainsWithWatchedKeys: Bool? { state.withLock { $0 } }

        func boundPort() async throws -> Int { 1 }

        func run() async throws {
            try await gracefulShutdown()
            let isWatched = keys.isWatched
            state.withLock { $0 = isWatched }
        }
    }

    private struct HostedService: Service {
        let host: ServiceHost
        let server: DrainingServer

        func run() async throws { try await host.run(httpServer: server, handlingSignals: false) }
    }

    @Test("continues while the listeners drain, whose calls have tokens of new keys and of withdrawn ones")
    func drain() async throws {
        let (keys, time) = (WatchedKeys(), ManualTime())
        let verifier = TokenVerifier(
            issuers: [LocalIssuer.entry(keys)],
            people: .people,
            audience: LocalIssuer.audience,
            callees: [],
            leeway: .zero,
            time: time
        )
        var limits = ServiceHostLimits()
        limits.notReadyDelay = .zero
        limits.stop = HangLimit.wait
        var logger = Logger(label: "tests")
        logger.logLevel = .critical
        let host = ServiceHost(
            [],
            listeners: Listeners(http: nil, grpc: nil, operate: nil, health: nil),
            authenticator: TokenAuthenticator(verifier: verifier),
            metrics: MetricsRegistry(service: "process"),
            limits: limits,
            runtime: Runtime(time: time, entropy: SeededEntropy(seed: 1)),
            logger: logger
        )
        let server = DrainingServer(keys)
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: HostedService(host: host, server: server))], logger: logger)
        )
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await group.run() }
            await keys.began.wait()
            await group.triggerGracefulShutdown()
            try await tasks.next()
        }
        #expect(server.drainsWithWatchedKeys == true)
        #expect(!keys.isWatched)
    }
}
