import MartletCore
import MartletSQL
import MartletTesting
import Testing

@testable import MartletWorkflows

@Suite("A run that something happens to while it executes", .timeLimit(.minutes(1)))
struct WakeUpTests {
    let world: World

    init() async throws { world = try await World() }

    /// Runs `body` beside the engine's loop, once `sleepers` tasks of the run `r` and the loop have come to rest.
    private func running(_ engine: WorkflowEngine, sleepers: Int, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            await world.time.waitForSleepers(1)
            try await world.start(on: engine)
            await world.time.waitForSleepers(sleepers)
            try await body()
            group.cancelAll()
        }
    }

    /// Does `act`, lets the loop look for due runs, and then lets the execution go on.
    private func pass(over act: () async throws -> Void) async throws {
        let before = world.database.count.value
        try await act()
        // The act's own transaction, and the look, which finds the run still held.
        while world.database.count.value < before + 2 { await Task.yield() }
        world.time.advance(by: .seconds(1))
    }

    @Test("goes on at once after a signal in the instant between its suspension and its execution's end")
    func signalled() async throws {
        let time = world.time
        let engine = world.engine { _, context in
            do { return try await context.signal("wait", "go") } catch {
                // The suspension is committed, and the engine holds the run still.
                try? await time.sleep(for: .seconds(1))
                throw error
            }
        }
        // The loop, the renewal of leases, and the execution.
        try await running(engine, sleepers: 3) {
            try await pass { try await world.signal("go", "hello", on: engine) }
            let outcome = try await engine.settled("r", as: Scripted.self, until: time.now + .seconds(1))
            #expect(outcome == .completed("hello"))
        }
    }

    @Test("is compensated at once when an operator takes it from its execution")
    func compensated() async throws {
        let (time, peer) = (world.time, world.peer)
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { call in
                try? await time.sleep(for: .seconds(1))
                return try peer.call(call)
            }
        }
        // The loop, the renewal of leases, the call and its deadline.
        try await running(engine, sleepers: 4) {
            try await pass { try await engine.operations.compensate("r") }
            let outcome = try await engine.settled("r", as: Scripted.self, until: time.now + .seconds(1))
            guard case .failed(let failure) = outcome else {
                return #expect(Bool(false), "\(String(describing: outcome))")
            }
            #expect(failure.fault.reason == .workflowEnded)
            #expect(peer.calls == ["r/one", "r/undo.one"])
        }
    }
}
