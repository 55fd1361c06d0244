import MartletContract
import MartletCore
import MartletSQL
import MartletSimulation
import MartletTesting
import OrdersContract
import SimulatedCluster
import SimulatedDisk
import SwiftProtobuf
import Synchronization
import Testing

@testable import ShopSimulation

@Suite("Simulated process that crashes at a crash point")
struct CrashPointTests {
    /// Runs `act` in one process, on a database with one table, and returns the final state.
    private func outcome(
        ending point: String,
        shared isShared: Bool,
        _ act: @escaping @Sendable (ProcessUnderTest) async -> Void
    ) throws -> Outcome {
        let simulation = Simulation(seed: 3)
        return try simulation.run {
            let store = Store(DiskImage(), entropy: SeededEntropy(seed: 1))
            try store.open(time: simulation.time) { _ in }
            try await store.current().transaction("tables") { (tx: borrowing SQLTransaction) in
                try tx.run("CREATE TABLE notes (note TEXT NOT NULL)")
            }
            let process = ProcessUnderTest(in: simulation, store, isShared: isShared)
            if !isShared { process.machine.onCrash { store.kill() } }
            process.machine.watch { $0 == point }
            process.machine.spawn { await act(process) }
            try await simulation.time.sleep(for: .seconds(60))
            if !isShared { try store.open(time: simulation.time) { _ in } }
            let notes = try await store.inspect { (tx: borrowing SQLTransaction) in
                try tx.run("SELECT note FROM notes ORDER BY rowid").map { try $0.text(0) }
            }
            return Outcome(notes: notes, calls: process.calls, hasEnded: !process.machine.isUp)
        }
    }

    @Test(
        "has no effect after the crash: database, network, clock and tasks refuse",
        arguments: [true, false]
    )
    func nothingAfter(isShared: Bool) throws {
        let found = try outcome(ending: "tests.point", shared: isShared) { process in
            await process.note("before")
            await process.call()
            crashPoint("tests.point")
            // The code runs until its next suspension, since it cannot be interrupted; none of it has an effect.
            process.machine.spawn { await process.note("task") }
            await process.note("database")
            await process.call()
            try? await process.machine.time.sleep(for: .seconds(1))
            await process.note("clock")
        }
        #expect(found.hasEnded)
        #expect(found.notes == ["before"])
        #expect(found.calls == 1)
    }

    @Test("crash in a transaction's body or before its commit: nothing is stored", arguments: [true, false])
    func uncommitted(isShared: Bool) throws {
        for point in ["tests.body", "sql.committing"] {
            let found = try outcome(ending: point, shared: isShared) { process in
                await process.note("lost") { crashPoint("tests.body") }
            }
            #expect(found.hasEnded, "\(point)")
            #expect(found.notes == [], "\(point)")
        }
    }

    @Test("crash after the commit: the unacknowledged transaction is stored", arguments: [true, false])
    func committed(isShared: Bool) throws {
        let found = try outcome(ending: "sql.committed", shared: isShared) { process in
            await process.note("kept")
            await process.note("after")
        }
        #expect(found.hasEnded)
        #expect(found.notes == ["kept"])
    }

    @Test("a restarted process crashes again in its recovery")
    func pair() throws {
        let plan = CrashPlan(.laptop, [.init("orders", "workflow.intent"), .init("orders", "workflow.intent")])
        let result = try ShopSimulation(points: []).run(Scenario(seed: 1, crashing: plan))
        #expect(result.findings.map(\.what) == [])
        #expect(result.fired == 2)
        #expect(result.sites[CrashSite(service: "orders", point: "workflow.completed"), default: 0] > 1)
    }

    @Test("the world fails when no process passes the point")
    func neverPassed() throws {
        let plan = CrashPlan(.laptop, [.init("catalog", "provider.acted")])
        let result = try ShopSimulation(points: []).run(Scenario(seed: 1, crashing: plan))
        #expect(result.findings.map(\.what) == ["nothing passed the first crash point of \(plan.text)"])
    }
}

private struct Outcome {
    let notes: [String]
    let calls: Int
    let hasEnded: Bool
}

/// A process with a database, and a service that counts its calls.
private final class ProcessUnderTest: Sendable {
    let machine: Machine
    private let database: MachineDatabase
    private let network: SimulatedNetwork
    private let service = CountingService()

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
        network.add(Machine("neighbour", in: simulation), for: "neighbour", channel: service)
    }

    var calls: Int { service.calls.withLock { $0 } }

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
            context: CallContext(deadline: nil)
        )
    }
}
