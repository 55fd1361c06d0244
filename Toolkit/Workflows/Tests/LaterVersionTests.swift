import MartletCore
import MartletSQL
import MartletTesting
import Testing

@testable import MartletWorkflows

@Suite("Later version of a workflow", .timeLimit(.minutes(HangLimit.testMinutes)))
struct LaterVersionTests {
    let fixture: WorkflowFixture

    init() async throws { fixture = try await WorkflowFixture() }

    /// The present version, which adds `one`, and a later one that first adds `more`.
    private func engines() -> (present: WorkflowEngine, later: WorkflowEngine) {
        let present = RegisteredWorkflow(
            Scripted { input, context in
                try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
                return input
            }
        )
        let later = present.wrapped(as: 2) { context, run in
            try await context.local("more") { (tx: borrowing SQLTransaction) in try add("more", tx) }
            return try await run()
        }
        return (fixture.engine(of: present), fixture.engine(of: later))
    }

    private func start(on engine: WorkflowEngine) async throws {
        try await fixture.database.transaction { (tx: borrowing SQLTransaction) in
            try engine.start(ScriptedNext.self, id: "r", input: "in", for: .itself, in: tx)
        }
    }

    @Test("runs the present version inside its own steps")
    func around() async throws {
        let later = engines().later
        try await start(on: later)
        #expect(try await later.runUntilIdle() == 1)
        #expect(try await later.result(of: "r", as: ScriptedNext.self) == .completed("in"))
        #expect(try await fixture.effects() == ["more=1", "one=1"])
        #expect(try await later.operations.show("r")?.run.version == 2)
    }

    @Test("after a rollback its open runs wait for a process that has the version")
    func rollback() async throws {
        let before = engines()
        try await start(on: before.later)
        // Its process has ended: only the lease is left.
        fixture.time.advance(by: fixture.limits.lease)
        #expect(try await before.present.runUntilIdle() == 0)
        #expect(
            try await before.present.operations.counts() == [
                WorkflowCount(workflow: "scripted", version: 2, state: .open, count: 1)
            ]
        )
        #expect(try await fixture.effects() == [])
        let again = engines().later
        #expect(try await again.runUntilIdle() == 1)
        #expect(try await again.result(of: "r", as: ScriptedNext.self) == .completed("in"))
        #expect(try await fixture.effects() == ["more=1", "one=1"])
    }
}
