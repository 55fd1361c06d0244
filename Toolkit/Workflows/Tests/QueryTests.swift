import MartletCore
import MartletSQL
import Testing

@testable import MartletWorkflows

@Suite("Queries over all runs")
struct QueryTests {
    /// SQLite's plan for `query`.
    private func plan(_ query: SQLQuery) async throws -> String {
        let fixture = try await WorkflowFixture()
        return try await fixture.database.transaction("plan") { (tx: borrowing SQLTransaction) in
            try tx.run(SQLQuery(unchecked: "EXPLAIN QUERY PLAN " + query.text, values: query.values))
                .map { try $0.text(3) }.joined(separator: "; ")
        }
    }

    @Test("purge, pages and counts use an index and do not sort")
    func indexed() async throws {
        let cursor = WorkflowCursor(createdAt: Timestamp(seconds: 1), id: "r")
        let plans: [(SQLQuery, String)] = [
            (WorkflowEngine.purge(endedBefore: Timestamp(seconds: 1), limit: 1, in: .sqlite), "workflow_runs_ended"),
            (WorkflowOperations.unfinished, "workflow_runs_standing"),
            (WorkflowOperations.page(nil, after: nil, limit: 1), "workflow_runs_aged"),
            (WorkflowOperations.page(nil, after: cursor, limit: 1), "workflow_runs_aged"),
            (WorkflowOperations.page(.needsHuman, after: cursor, limit: 1), "workflow_runs_listed"),
        ]
        for (query, index) in plans {
            let plan = try await plan(query)
            #expect(plan.contains(index), "\(query.text)")
            #expect(!plan.contains("TEMP B-TREE"), "\(query.text)")
        }
    }

    @Test("counts runs that are open or need a human, and none that have ended")
    func counts() async throws {
        let fixture = try await WorkflowFixture()
        let engine = fixture.engine { input, context in
            switch input {
            case "waits": return try await context.signal("wait", "go")
            case "breaks": throw SQLError(.misuse, code: "", message: "")
            case "fails": throw Fault.declined
            default: return "done"
            }
        }
        for input in ["waits", "breaks", "fails", "ends"] {
            try await fixture.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(Scripted.self, id: input, input: input, for: .itself, in: tx)
            }
        }
        try await engine.runUntilIdle()
        #expect(
            try await engine.operations.counts() == [
                WorkflowCount(workflow: "scripted", version: 1, state: .needsHuman, count: 1),
                WorkflowCount(workflow: "scripted", version: 1, state: .open, count: 1),
            ]
        )
    }
}
