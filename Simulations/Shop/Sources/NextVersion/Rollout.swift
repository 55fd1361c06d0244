import MartletCore
import MartletSQL
import MartletSimulation
import MartletTesting

/// Brings the next version in, one replica after another while the others go on, and takes it back in the same way.
struct Rollout: Sendable {
    /// The longest time between two replicas, in milliseconds.
    private static let pauseLimit: UInt64 = 1_500
    private static let look = Duration.milliseconds(500)

    let world: ShopWorld
    let entropy: SeededEntropy

    /// Goes on until the world's faults have healed; then every process runs this version again.
    func run() async throws {
        guard world.faults.rates[.mixedVersions] != nil else { return }
        while world.faults.isActive {
            // Where workflows run first: they are the hardest to take back.
            for service in ["orders"] + shuffled(world.replicated.filter { $0 != "orders" }) where world.faults.isActive
            {
                try await roll(service)
            }
        }
    }

    private func roll(_ service: String) async throws {
        let seats = shuffled(world.seats(of: service))
        // One at least; all of them now and then.
        let count = 1 + Int(entropy.number(below: UInt64(seats.count)))
        for seat in seats.prefix(count) {
            try await pause()
            world.replace(seat: seat, byNext: true)
        }
        for seat in seats.prefix(count).dropLast() {
            try await pause()
            world.replace(seat: seat, byNext: false)
        }
        try await pause()
        try await drain(service, before: seats[count - 1])
    }

    /// A later version's runs can be claimed by nobody else: its last replica stays until none is open.
    private func drain(_ service: String, before seat: Int) async throws {
        while try await !isDrained(service) { try await world.time.sleep(for: Self.look) }
        world.replace(seat: seat, byNext: false)
        // A run that began while the last one went waits for one that has its version.
        while try await !isDrained(service) {
            world.replace(seat: seat, byNext: true)
            while try await !isDrained(service) { try await world.time.sleep(for: Self.look) }
            world.replace(seat: seat, byNext: false)
        }
    }

    private func isDrained(_ service: String) async throws -> Bool {
        let open = try? await world.stores[service]?.look { (tx: borrowing SQLTransaction) in
            try tx.run("SELECT COUNT(*) FROM workflow_runs WHERE version > 1 AND state = 'open'").first?.int(0)
        }
        return open.flatMap { $0 } == 0
    }

    private func pause() async throws {
        guard world.faults.isActive else { return }
        try await world.time.sleep(for: .milliseconds(Int64(entropy.number(below: Self.pauseLimit))))
    }

    private func shuffled<E>(_ elements: [E]) -> [E] {
        var elements = elements
        for last in elements.indices.reversed() {
            elements.swapAt(last, Int(entropy.number(below: UInt64(last + 1))))
        }
        return elements
    }
}
