import MartletCore
import MartletSQL
import MartletTesting
import Testing

@testable import MartletWorkflows

@Suite("Unreadable stored values", .timeLimit(.minutes(HangLimit.testMinutes)))
struct UnreadableTests {
    let fixture: WorkflowFixture
    let engine: WorkflowEngine

    /// Runs that were refused a step, and then wait for a minute.
    init() async throws {
        fixture = try await WorkflowFixture()
        engine = fixture.engine { _, context in
            do {
                try await context.remote("one", input: "x") { _ -> String in throw Fault.declined }
            } catch is StepRefused {}
            try await context.sleep("rest", for: .seconds(60))
            return "rested"
        }
        let engine = engine
        for run in ["r", "s"] {
            try await fixture.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(Scripted.self, id: run, input: "in", for: .itself, in: tx)
            }
        }
        try await engine.runUntilIdle()
    }

    private func damage(_ query: SQLQuery) async throws {
        try await fixture.database.transaction { (tx: borrowing SQLTransaction) in try tx.run(query) }
        fixture.time.advance(by: .seconds(60))
    }

    @Test(
        "a journal entry of an unknown state or kind parks its run; other runs continue",
        arguments: [
            ("UPDATE workflow_journal SET state = 'half' WHERE run = 'r'", #"column 4 is text, not a State"#),
            ("UPDATE workflow_journal SET kind = 'dream' WHERE run = 'r'", #"column 2 is text, not a Kind"#),
        ] as [(SQLQuery, String)]
    )
    func journal(change: SQLQuery, error: String) async throws {
        try await damage(change)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .needsHuman(reason: "the journal cannot be read: \(error)"))
        #expect(try await engine.result(of: "s", as: Scripted.self) == .completed("rested"))
    }

    @Test(
        "an unreadable due time, refusal or trace parks its run",
        arguments: [
            (
                "UPDATE workflow_journal SET result = 'soon' WHERE run = 'r' AND step = 'rest'",
                "mismatch: the due time of step rest cannot be read"
            ),
            (
                "UPDATE workflow_journal SET result = NULL WHERE run = 'r' AND step = 'rest'",
                "mismatch: the due time of step rest cannot be read"
            ),
            (
                """
                UPDATE workflow_journal SET result = '{"code":99,"isForced":false,"message":"m","reason":"r"}'
                WHERE run = 'r' AND step = 'one'
                """,
                "mismatch: the journaled refusal of step one cannot be read"
            ),
            (
                "UPDATE workflow_runs SET traceparent = 'lost' WHERE id = 'r'",
                #"the trace cannot be read: column 5 is text, not a TraceContext"#
            ),
        ] as [(SQLQuery, String)]
    )
    func result(change: SQLQuery, reason: String) async throws {
        try await damage(change)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .needsHuman(reason: reason))
    }

    @Test("a run of an unknown state is an error, neither open nor in need of a human")
    func state() async throws {
        try await damage("UPDATE workflow_runs SET state = 'paused' WHERE id = 'r'")
        let (fixture, engine) = (fixture, engine)
        await #expect(throws: UnreadableRow(column: 0, value: .text("paused"), as: WorkflowState.self)) {
            try await fixture.outcome(engine)
        }
        await #expect(throws: UnreadableRow(column: 3, value: .text("paused"), as: WorkflowState.self)) {
            try await engine.operations.show("r")
        }
        await #expect(throws: UnreadableRow(column: 2, value: .text("paused"), as: WorkflowState.self)) {
            try await engine.operations.counts()
        }
    }

    @Test("a run that needs a human for a reason that is missing is an error")
    func missingReason() async throws {
        try await damage("UPDATE workflow_runs SET state = 'needs_human' WHERE id = 'r'")
        let (fixture, engine) = (fixture, engine)
        await #expect(throws: UnreadableRow(column: 2, value: .null(nil), as: String.self)) {
            try await fixture.outcome(engine)
        }
    }

    @Test("a refusal and a failure are stored in this JSON, and read from it")
    func json() throws {
        let refusal = #"{"code":9,"isForced":false,"message":"declined","reason":"peer.declined"}"#
        #expect(try StoredJSON.text(StoredRefusal(.declined)) == refusal)
        #expect(try StoredJSON.value(StoredRefusal.self, from: refusal) == StoredRefusal(.declined))
        let failure = #"{"code":9,"message":"declined","reason":"peer.declined","step":"one"}"#
        let refused = WorkflowFailure(StepRefused(step: "one", fault: .declined))
        #expect(try StoredJSON.text(refused) == failure)
        #expect(try StoredJSON.value(WorkflowFailure.self, from: failure) == refused)
    }
}
