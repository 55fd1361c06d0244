import MartletContract
import MartletCore
import MartletSQL
import MartletSimulation
import MartletTesting
import OrdersContract
import SimulatedDisk
import SwiftProtobuf
import Synchronization
import Testing

@testable import ShopSimulation

@Suite("A simulated process that ends at a crash point")
struct CrashPointTests {
    /// What is done in one process, on a database with one table, and what is left of it.
    private func remains(
        ending point: String,
        shared isShared: Bool,
        _ act: @escaping @Sendable (Victim) async -> Void
    ) throws -> Remains {
        let simulation = Simulation(seed: 3)
        return try simulation.run {
            let store = Store(DiskImage(), entropy: SeededEntropy(seed: 1))
            try store.open(time: simulation.time) { _ in }
            try await store.current().transaction("tables") { (tx: borrowing SQLTransaction) in
                try tx.run("CREATE TABLE notes (note TEXT NOT NULL)")
            }
            let victim = Victim(in: simulation, store, isShared: isShared)
            if !isShared { victim.machine.onCrash { store.kill() } }
            victim.machine.watch { $0 == point }
            victim.machine.spawn { await act(victim) }
            try await simulation.time.sleep(for: .seconds(60))
            if !isShared { try store.open(time: simulation.time) { _ in } }
            let notes = try await store.look { (tx: borrowing SQLTransaction) in
                try tx.run("SELECT note FROM notes ORDER BY rowid").map { $0.text(0) }
            }
            return Remains(notes: notes, calls: victim.calls, hasEnded: !victim.machine.isUp)
        }
    }

    @Test(
        "has no effect afterwards: its database, its network, its clock and its tasks refuse",
        arguments: [true, false]
    )
    func nothingAfter(isShared: Bool) throws {
        let found = try remains(ending: "tests.point", shared: isShared) { victim in
            await victim.note("before")
            await victim.call()
            crashPoint("tests.point")
            // What follows in the same step runs, since no code can be cut off; none of it reaches anybody.
            victim.machine.spawn { await victim.note("task") }
            await victim.note("database")
            await victim.call()
            try? await victim.machine.time.sleep(for: .seconds(1))
            await victim.note("clock")
        }
        #expect(found.hasEnded)
        #expect(found.notes == ["before"])
        #expect(found.calls == 1)
    }

    @Test("leaves nothing of the transaction in whose body it ends, or before whose commit", arguments: [true, false])
    func uncommitted(isShared: Bool) throws {
        for point in ["tests.body", "sql.committing"] {
            let found = try remains(ending: point, shared: isShared) { victim in
                await victim.note("lost") { crashPoint("tests.body") }
            }
            #expect(found.hasEnded, "\(point)")
            #expect(found.notes == [], "\(point)")
        }
    }

    @Test("leaves the transaction after whose commit it ends, though nobody was told", arguments: [true, false])
    func committed(isShared: Bool) throws {
        let found = try remains(ending: "sql.committed", shared: isShared) { victim in
            await victim.note("kept")
            await victim.note("after")
        }
        #expect(found.hasEnded)
        #expect(found.notes == ["kept"])
    }

    @Test("is started again, and ends in its recovery")
    func pair() throws {
        let plan = CrashPlan(.laptop, [.init("orders", "workflow.intent"), .init("orders", "workflow.intent")])
        let verdict = try ShopSimulation(points: []).run(Scenario(seed: 1, crashing: plan))
        #expect(verdict.findings.map(\.what) == [])
        #expect(verdict.sprung == 2)
        #expect(verdict.sites[CrashSite(service: "orders", point: "workflow.completed"), default: 0] > 1)
    }

    @Test("fails its world when nobody ever passes the point")
    func neverPassed() throws {
        let plan = CrashPlan(.laptop, [.init("catalog", "provider.acted")])
        let verdict = try ShopSimulation(points: []).run(Scenario(seed: 1, crashing: plan))
        #expect(verdict.findings.map(\.what) == ["nothing passed the first crash point of \(plan.text)"])
    }
}

private struct Remains {
    let notes: [String]
    let calls: Int
    let hasEnded: Bool
}

/// A process with a database, and a neighbour that counts its calls.
private final class Victim: Sendable {
    let machine: Machine
    private let database: MachineDatabase
    private let network: SimulatedNetwork
    private let neighbour = Neighbour()

    init(in simulation: Simulation, _ store: Store, isShared: Bool) {
        let faults = FaultInjector([:], entropy: SeededEntropy(seed: 1))
        machine = Machine("victim", in: simulation)
        database = MachineDatabase(
            of: machine,
            isShared: isShared,
            faults: faults,
            entropy: SeededEntropy(seed: 2)
        ) { try store.current() }
        network = SimulatedNetwork(time: simulation.time, faults: faults, entropy: SeededEntropy(seed: 3))
        network.add(Machine("neighbour", in: simulation), for: "neighbour", answering: neighbour)
    }

    var calls: Int { neighbour.calls.withLock { $0 } }

    func note(_ note: String, then pass: @escaping @Sendable () -> Void = {}) async {
        try? await database.transaction("note") { (tx: borrowing SQLTransaction) in
            try tx.run("INSERT INTO notes (note) VALUES (\(note))")
            pass()
        }
    }

    func call() async {
        let channel = network.channel(from: machine, to: "neighbour")
        let _: GetOrderResponse? = try? await channel.unary(
            OrdersMethods.getOrder,
            GetOrderRequest(),
            CallContext(deadline: nil)
        )
    }
}
