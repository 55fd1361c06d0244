import Logging
public import MartletContract
import MartletCore
public import MartletHost
import MartletSQL
import SimulatedCluster
import Synchronization

extension TestBench {
    /// Runs `body` on one service.
    ///
    /// - Throws: As ``run(_:_:fakes:body:)``.
    public static func run(
        _ service: any ServiceBlueprint.Type,
        _ mode: Mode,
        fakes: [String: @Sendable () -> [ServedContract]] = [:],
        body: @escaping @Sendable (TestBench) async throws -> Void
    ) async throws {
        try await run([service], mode, fakes: fakes, body: body)
    }

    /// Runs `body` on several services that call one another and consume one another's events.
    ///
    /// - Parameters:
    ///   - services: In the order in which they start; at least one.
    ///   - mode: How they run.
    ///   - fakes: Services of others, by name.
    ///   - body: The test. A simulated run calls it once, on a thread of its own; it must not start unstructured tasks.
    /// - Throws: What `body` throws; ``TestBench/Violations``; what prevents the services from starting.
    public static func run(
        _ services: [any ServiceBlueprint.Type],
        _ mode: Mode,
        fakes: [String: @Sendable () -> [ServedContract]] = [:],
        body: @escaping @Sendable (TestBench) async throws -> Void
    ) async throws {
        switch mode {
        case .inProcess: try simulate(services, seed: 0, hasFaults: false, fakes: fakes, body)
        case .seed(let seed): try simulate(services, seed: seed, hasFaults: true, fakes: fakes, body)
        case .loopback: try await LoopbackBench(services, fakes: fakes).run(body)
        }
    }

    private static func simulate(
        _ services: [any ServiceBlueprint.Type],
        seed: UInt64,
        hasFaults: Bool,
        fakes: [String: @Sendable () -> [ServedContract]],
        _ body: @escaping @Sendable (TestBench) async throws -> Void
    ) throws {
        let world = try SimulatedWorld(services, fakes: fakes, logLevel: hasFaults ? .critical : .error)
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
