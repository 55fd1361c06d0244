import Logging
public import MartletContract
import MartletCore
public import MartletHost
public import MartletResilience
import MartletSQL
import SimulatedCluster
import Synchronization

extension TestBench {
    /// Runs `body` on one service.
    ///
    /// - Throws: As ``run(_:_:settings:http:fakes:body:)``.
    public static func run(
        _ service: any ServiceBlueprint.Type,
        _ mode: Mode,
        settings: [any ServiceSettings] = [],
        http: (any OutgoingTransport)? = nil,
        fakes: [String: @Sendable () -> [ServedContract]] = [:],
        body: @escaping @Sendable (TestBench) async throws -> Void
    ) async throws {
        try await run([service], mode, settings: settings, http: http, fakes: fakes, body: body)
    }

    /// Runs `body` on several services that call one another and consume one another's events.
    ///
    /// - Parameters:
    ///   - services: In the order in which they start; at least one.
    ///   - mode: How they run.
    ///   - settings: Those of the services; presets apply to the others.
    ///   - http: Other parties, as a `FakeOutgoing`; `nil`: requests to them are refused.
    ///   - fakes: Services of others, by name.
    ///   - body: The test. A simulated run calls it once, on a thread of its own; it must not start unstructured tasks.
    /// - Throws: What `body` throws; ``TestBench/Violations``; what prevents the services from starting.
    public static func run(
        _ services: [any ServiceBlueprint.Type],
        _ mode: Mode,
        settings: [any ServiceSettings] = [],
        http: (any OutgoingTransport)? = nil,
        fakes: [String: @Sendable () -> [ServedContract]] = [:],
        body: @escaping @Sendable (TestBench) async throws -> Void
    ) async throws {
        func world(_ logLevel: Logger.Level) throws -> SimulatedWorld {
            try SimulatedWorld(services, settings: settings, http: http, fakes: fakes, logLevel: logLevel)
        }
        switch mode {
        case .inProcess: try simulate(services, on: world(.error), seed: 0, hasFaults: false, body)
        case .seed(let seed): try simulate(services, on: world(.critical), seed: seed, hasFaults: true, body)
        case .loopback: try await LoopbackBench(services, settings: settings, http: http, fakes: fakes).run(body)
        }
    }

    private static func simulate(
        _ services: [any ServiceBlueprint.Type],
        on world: SimulatedWorld,
        seed: UInt64,
        hasFaults: Bool,
        _ body: @escaping @Sendable (TestBench) async throws -> Void
    ) throws {
        let failure = Mutex<(any Error)?>(nil)
        let result = world.run(seed: seed, faults: hasFaults ? .all : []) { world in
            let bench = TestBench(
                of: services[0].name,
                runtime: Runtime(time: world.time, entropy: world.entropy),
                reader: WorldReader(world: world),
                skip: { try await world.advance(by: $0) },
                hasFaults: hasFaults,
                channels: { world.channel(to: $0) }
            )
            do { try await body(bench) } catch { failure.withLock { $0 = error } }
        } check: { _ in
            []
        }
        if let error = failure.withLock({ $0 }) { throw error }
        guard result.violations.isEmpty else { throw Violations(violations: result.violations) }
    }
}

private struct WorldReader: BenchReader {
    let world: RunningWorld

    func read<Value: Sendable>(
        _ service: String,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Value
    ) async throws -> Value {
        while true {
            do {
                return try await world.read(service, body)
            } catch let error as SQLError where error.kind == .unavailable {
                // Its process is restarting.
                try await world.time.sleep(for: .milliseconds(100))
            }
        }
    }
}
