import MartletCore
import MartletSQL
import MartletTesting
import Testing

@testable import MartletWorkflows

@Suite("Wake-up during an execution", .timeLimit(.minutes(HangLimit.testMinutes)))
struct WakeUpTests {
    let fixture: WorkflowFixture

    init() async throws { fixture = try await WorkflowFixture() }

    /// Runs `body` concurrently with the engine's loop, once `sleepers` tasks of the run `r` and the loop are
    /// suspended.
    private func running(_ engine: WorkflowEngine, sleepers: Int, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            await fixture.time.waitForSleepers(1)
            try await fixture.start(on: engine)
            await fixture.time.waitForSleepers(sleepers)
            try await body()
            group.cancelAll()
        }
    }

    /// Performs `act`, lets the loop poll for due runs, and then lets the execution continue.
    private func pass(over act: () async throws -> Void) async throws {
        let before = fixture.database.count.value
        try await act()
        // The transaction of `act`, and the poll, which finds the run still held.
        while fixture.database.count.value < before + 2 { await Task.yield() }
        fixture.time.advance(by: .seconds(1))
    }

    @Test("signal between the suspension and the end of the execution: resumes immediately")
    func signalled() async throws {
        let time = fixture.time
        let engine = fixture.engine { _, context in
            do { return try await context.signal("wait", "go") } catch {
                // The suspension is committed, and the engine still holds the run.
                try? await time.sleep(for: .seconds(1))
                throw error
            }
        }
        // The loop, the renewal of leases, and the execution.
        try await running(engine, sleepers: 3) {
            try await pass { try await fixture.signal("go", "hello", on: engine) }
            let outcome = try await engine.waitForOutcome(of: "r", as: Scripted.self, until: time.now + .seconds(1))
            #expect(outcome == .completed("hello"))
        }
    }

    @Test("compensation by an operator during the execution: runs immediately")
    func compensated() async throws {
        let (time, peer) = (fixture.time, fixture.peer)
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { call in
                try? await time.sleep(for: .seconds(1))
                return try peer.call(call)
            }
        }
        // The loop, the renewal of leases, the call and its deadline.
        try await running(engine, sleepers: 4) {
            try await pass { try await engine.operations.compensate("r") }
            let outcome = try await engine.waitForOutcome(of: "r", as: Scripted.self, until: time.now + .seconds(1))
            guard case .failed(let failure) = outcome else {
                return #expect(Bool(false), "\(String(describing: outcome))")
            }
            #expect(failure.fault.reason == .workflowEnded)
            #expect(peer.calls == ["r/one", "r/undo.one"])
        }
    }
}
