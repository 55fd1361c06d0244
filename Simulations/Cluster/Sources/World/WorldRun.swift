import MartletCore
import MartletSimulation
import MartletTesting

/// One run, from the start of the services to the check.
struct WorldRun: Sendable {
    /// For how long faults stay active after the workload: also the delivery of its events meets some.
    private static let faultsAfterWorkload = Duration.seconds(20)
    /// The same with paused processes: longer than their leases.
    private static let faultsAfterWorkloadWithPauses = Duration.seconds(75)
    private static let startLimit = Duration.seconds(60)
    private static let startPollInterval = Duration.milliseconds(10)
    /// After which the started services consume.
    private static let joinDelay = Duration.seconds(1)

    private let cluster: Cluster
    private let services: [String]
    private let forcesFaults: Bool
    private let world: RunningWorld
    private let faultScheduler: FaultScheduler
    private let quiescence: Quiescence

    /// - Parameters:
    ///   - services: Their names; the first is the one on which faults are forced.
    ///   - consumers: The consumer groups of each topic.
    ///   - restorable: The service whose state follows from the events that it consumes; `nil` for none.
    ///   - forcesFaults: Whether enabled faults that have not happened are forced in the end.
    init(
        of cluster: Cluster,
        services: [String],
        consumers: [String: [String]],
        restorable: String?,
        forcesFaults: Bool,
        entropy: SeededEntropy
    ) {
        self.cluster = cluster
        self.services = services
        self.forcesFaults = forcesFaults
        world = RunningWorld(cluster, entropy: entropy.fork())
        faultScheduler = FaultScheduler(
            of: cluster,
            entropy: entropy.fork(),
            points: [],
            target: services[0],
            restorable: restorable,
            outage: { _ in }
        )
        quiescence = Quiescence(cluster: cluster, services: services, consumers: consumers)
    }

    private var time: VirtualTime { cluster.simulation.time }

    /// - Returns: The violations.
    func run(
        _ workload: @escaping @Sendable (RunningWorld) async throws -> Void,
        check: @escaping @Sendable (RunningWorld) async throws -> [String]
    ) async throws -> [String] {
        cluster.startAll()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await faultScheduler.supervise() }
            if !cluster.faults.rates.isEmpty {
                let killed = KilledEvents(of: cluster, services: services) { _, _ in false }
                group.addTask { try await killed.run() }
            }
            defer { group.cancelAll() }
            guard try await waitUntilServed() else { return cluster.startFailures + ["not all services serve"] }
            cluster.faults.begin()
            let failures = try await load(workload)
            var violations = failures
            let pending = try await quiescence.wait()
            if !pending.isEmpty {
                let details = ["not quiescent after the faults had healed"] + pending + cluster.diagnosis
                violations.append(details.joined(separator: "; "))
            }
            violations += await quiescence.parked()
            guard failures.isEmpty else { return violations }
            do {
                violations += try await check(world)
            } catch {
                return violations + ["the check failed: \(error)"]
            }
            guard pending.isEmpty else { return violations }
            let accounts = try await EventAccounts(of: quiescence.consumers, in: cluster)
            violations += accounts.violations(of: try await EventAccounts.published(in: cluster))
            return violations + (try await RelayCheck(of: cluster).violations())
        }
    }

    /// - Returns: False when a service does not start in time.
    private func waitUntilServed() async throws -> Bool {
        let end = time.now + Self.startLimit
        let present = services.filter { name in !cluster.slots.indices(of: name).contains(where: cluster.slots.isAway) }
        while !present.allSatisfy({ cluster.network.isServed($0) }) {
            guard time.now < end else { return false }
            try await time.sleep(for: Self.startPollInterval)
        }
        try await time.sleep(for: Self.joinDelay)
        return true
    }

    /// Runs the workload under faults, until they have healed.
    ///
    /// - Returns: Why the workload failed; empty when it did not.
    private func load(_ workload: @escaping @Sendable (RunningWorld) async throws -> Void) async throws -> [String] {
        try await withThrowingTaskGroup(of: [String].self) { tasks in
            tasks.addTask {
                try await faultScheduler.run()
                return []
            }
            tasks.addTask {
                var failures: [String] = []
                do { try await workload(world) } catch { failures.append("the workload failed: \(error)") }
                try await cluster.skippedTime.sleepExcluding(for: timeAfterWorkload)
                if forcesFaults { try await faultScheduler.injectMissing() }
                cluster.heal()
                return failures
            }
            var failures: [String] = []
            for try await found in tasks { failures += found }
            return failures
        }
    }

    private var timeAfterWorkload: Duration {
        if cluster.faults.rates.isEmpty { return .zero }
        return cluster.faults.rates[.pause] == nil ? Self.faultsAfterWorkload : Self.faultsAfterWorkloadWithPauses
    }
}
