import MartletCore
import MartletSQL
import MartletSimulation
import MartletTesting
import SimulatedCluster

/// Rolls out a version whose schema breaks the others, replica by replica; it stays.
///
/// Its first replica waits while a replica of an older version runs. In the end an older version is started once more, and
/// must be refused.
struct BreakingRollout: Sendable {
    /// The longest time between two replicas, in milliseconds.
    private static let intervalMax: UInt64 = 3_000
    private static let pollInterval = Duration.milliseconds(500)
    /// For how long an older version tries to start.
    private static let refusalTime = Duration.seconds(2)

    let world: ShopWorld
    let entropy: SeededEntropy

    /// Runs until every process of the service runs the version.
    func run() async throws {
        guard let service = world.upgrades.service else { return }
        let slots = world.cluster.slots.indices(of: service)
        // Some of the others run the next version meanwhile.
        for slot in slots.dropFirst() where entropy.number(below: 2) == 0 { try await replace(slot, by: .next) }
        for slot in slots { try await replace(slot, by: .afterNext) }
        while try await !hasBroken(service) { try await world.time.sleep(for: Self.pollInterval) }
        world.faults.count(.versionBreaks)
        try await replace(slots[0], by: entropy.number(below: 2) == 0 ? .present : .next)
        try await world.time.sleep(for: Self.refusalTime)
        try await replace(slots[0], by: .afterNext)
    }

    /// Half of the processes end in order before, as by SIGTERM; the others are killed, and their rows stay.
    private func replace(_ slot: Int, by version: ReplicaVersion) async throws {
        try await world.time.sleep(for: .milliseconds(Int64(entropy.number(below: Self.intervalMax))))
        if entropy.number(below: 2) == 0 { try await world.cluster.end(slots: [slot]) }
        world.cluster.replace(slot: slot, by: version)
    }

    private func hasBroken(_ service: String) async throws -> Bool {
        let step = try? await world.stores[service]?.inspect { (tx: borrowing SQLTransaction) in
            try SchemaChecker.breakingStep(in: tx)
        }
        return step.flatMap { $0 } != nil
    }
}
