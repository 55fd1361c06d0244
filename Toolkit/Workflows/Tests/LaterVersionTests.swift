import MartletCore
import MartletSQL
import MartletTesting
import Testing

@testable import MartletWorkflows

@Suite("A later version of a workflow", .timeLimit(.minutes(1)))
struct LaterVersionTests {
    let world: World

    init() async throws { world = try await World() }

    /// The present version, which adds `one`, and a later one that adds `more` before.
    private func engines() -> (present: WorkflowEngine, later: WorkflowEngine) {
        let present = RegisteredWorkflow(
            Scripted { input, context in
                try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
                return input
            }
        )
        let later = present.later(2) { context, run in
            try await context.local("more") { (tx: borrowing SQLTransaction) in try add("more", tx) }
            return try await run()
        }
        return (world.engine(of: present), world.engine(of: later))
    }

    private func start(on engine: WorkflowEngine) async throws {
        try await world.database.transaction { (tx: borrowing SQLTransaction) in
            try engine.start(ScriptedNext.self, id: "r", input: "in", principal: "", in: tx)
        }
    }

    @Test("does what the present one does, and more around it")
    func around() async throws {
        let later = engines().later
        try await start(on: later)
        #expect(try await later.runUntilIdle() == 1)
        #expect(try await later.result(of: "r", as: ScriptedNext.self) == .completed("in"))
        #expect(try await world.effects() == ["more=1", "one=1"])
        #expect(try await later.operations.show("r")?.run.version == 2)
    }

    @Test("keeps its runs for whoever has it, when it is taken back before they end")
    func takenBack() async throws {
        let before = engines()
        try await start(on: before.later)
        // Its process is no more: nothing but the lease is left of it.
        world.time.advance(by: world.limits.lease)
        #expect(try await before.present.runUntilIdle() == 0)
        #expect(
            try await before.present.operations.counts() == [
                WorkflowCount(workflow: "scripted", version: 2, state: .open, count: 1)
            ]
        )
        #expect(try await world.effects() == [])
        let again = engines().later
        #expect(try await again.runUntilIdle() == 1)
        #expect(try await again.result(of: "r", as: ScriptedNext.self) == .completed("in"))
        #expect(try await world.effects() == ["more=1", "one=1"])
    }
}
