import MartletCore
import MartletSQL
import MartletSimulation
import MartletTesting
import SimulatedCluster

/// Rolls out the next version, one replica after another while the others keep running, and rolls it back in the same
/// way.
struct Rollout: Sendable {
    /// The longest time between two replicas, in milliseconds.
    private static let intervalMax: UInt64 = 1_500
    private static let pollInterval = Duration.milliseconds(500)

    let world: ShopWorld
    let entropy: SeededEntropy

    /// Runs until the world's faults have healed; then every process runs this version again.
    func run() async throws {
        guard world.faults.rates[.mixedVersions] != nil else { return }
        while world.faults.isActive {
            // The service with workflows first: it is the hardest to roll back.
            for service in ["orders"] + shuffled(world.cluster.slots.replicated.filter { $0 != "orders" })
            where world.faults.isActive && service != world.upgrades.service {
                try await roll(service)
            }
        }
    }

    private func roll(_ service: String) async throws {
        let slots = shuffled(world.cluster.slots.indices(of: service))
        // At least one; sometimes all.
        let count = 1 + Int(entropy.number(below: UInt64(slots.count)))
        for slot in slots.prefix(count) {
            try await sleep()
            try await replace(slot, by: .next)
        }
        for slot in slots.prefix(count).dropLast() {
            try await sleep()
            try await replace(slot, by: .present)
        }
        try await sleep()
        try await drain(service, before: slots[count - 1])
    }

    /// Half of the processes end in order before, as by SIGTERM; the others are killed.
    private func replace(_ slot: Int, by version: ReplicaVersion) async throws {
        if entropy.number(below: 2) == 0 { try await world.cluster.end(slots: [slot]) }
        world.cluster.replace(slot: slot, by: version)
    }

    /// Only a later version can claim its runs: its last replica stays until none is open.
    private func drain(_ service: String, before slot: Int) async throws {
        while try await !isDrained(service) { try await world.time.sleep(for: Self.pollInterval) }
        world.cluster.replace(slot: slot, by: .present)
        // A run that began while the last one was replaced waits for a replica with its version.
        while try await !isDrained(service) {
            world.cluster.replace(slot: slot, by: .next)
            while try await !isDrained(service) { try await world.time.sleep(for: Self.pollInterval) }
            world.cluster.replace(slot: slot, by: .present)
        }
    }

    private func isDrained(_ service: String) async throws -> Bool {
        let open = try? await world.stores[service]?.inspect { (tx: borrowing SQLTransaction) in
            try tx.run("SELECT COUNT(*) FROM audit_workflow_runs WHERE version > 1 AND state = 'open'").first?.int(0)
        }
        return open.flatMap { $0 } == 0
    }

    private func sleep() async throws {
        guard world.faults.isActive else { return }
        try await world.time.sleep(for: .milliseconds(Int64(entropy.number(below: Self.intervalMax))))
    }

    private func shuffled<E>(_ elements: [E]) -> [E] {
        var elements = elements
        for last in elements.indices.reversed() {
            elements.swapAt(last, Int(entropy.number(below: UInt64(last + 1))))
        }
        return elements
    }
}
