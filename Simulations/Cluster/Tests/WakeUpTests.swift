import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSimulation
import MartletTesting
import SimulatedCluster
import SimulatedDisk
import Testing

@Suite("Outbox relay of a machine")
struct WakeUpTests {
    /// The number of unsent events 100 ms and ten seconds after a commit, with the relay on one of two machines
    /// that share a database.
    private func unsent(committingOn name: String, relayingOn relaying: String) throws -> [Int] {
        let simulation = Simulation(seed: 1)
        return try simulation.run {
            let time = simulation.time
            let store = Store(DiskImage(), entropy: SeededEntropy(seed: 1))
            try store.open(time: time) { _ in }
            try await store.current().migrate(Outbox.migrations)
            let entropy = SeededEntropy(seed: 2)
            let faults = FaultInjector([:], entropy: entropy)
            func connect(from machine: Machine) -> MachineDatabase {
                MachineDatabase(of: machine, isShared: true, faults: faults, entropy: entropy) { try store.current() }
            }
            let machines = ["one", "two"].map { Machine($0, in: simulation) }
            for machine in machines where machine.name == relaying {
                let relay = OutboxRelay(
                    source: "test",
                    instance: machine.name,
                    database: connect(from: machine),
                    bus: InMemoryBus(time: time),
                    runtime: Runtime(time: machine.time, entropy: entropy)
                )
                machine.spawn { try? await relay.run() }
            }
            try await time.sleep(for: .seconds(1))
            for machine in machines where machine.name == name {
                let database = connect(from: machine)
                machine.spawn {
                    _ = try? await database.transaction("commit", deadline: nil) { tx in
                        try tx.append(OutgoingEvent(topic: "things", key: "k", body: []))
                    }
                }
            }
            var counts: [Int] = []
            for delay in [Duration.milliseconds(100), .seconds(10)] {
                try await time.sleep(for: delay)
                counts.append(
                    try await store.inspect { (tx: borrowing SQLTransaction) in
                        try Outbox.unsent(limit: 10, in: tx).count
                    }
                )
            }
            for machine in machines { machine.crash() }
            return counts
        }
    }

    @Test("wakes up on a commit of its machine")
    func own() throws {
        #expect(try unsent(committingOn: "one", relayingOn: "one") == [0, 0])
    }

    @Test("wakes up on a commit of another machine")
    func others() throws {
        #expect(try unsent(committingOn: "two", relayingOn: "one") == [0, 0])
    }
}
