import MartletCore
import MartletSQL
import Testing

@testable import MartletWorkflows

@Suite("A look over all runs")
struct QueryTests {
    /// How SQLite goes about `query`.
    private func plan(_ query: SQLQuery) async throws -> String {
        let world = try await World()
        return try await world.database.transaction("plan") { (tx: borrowing SQLTransaction) in
            try tx.run(SQLQuery(unchecked: "EXPLAIN QUERY PLAN " + query.text, values: query.values))
                .map { $0.text(3) }.joined(separator: "; ")
        }
    }

    @Test("for what ended long ago, for a page, or for the counts reads an index and sorts nothing")
    func indexed() async throws {
        let cursor = WorkflowCursor(createdAt: Timestamp(seconds: 1), id: "r")
        let plans: [(SQLQuery, String)] = [
            (WorkflowEngine.ended(before: Timestamp(seconds: 1), limit: 1), "workflow_runs_ended"),
            (WorkflowOperations.standing, "workflow_runs_standing"),
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

    @Test("counts what is open or needs a human, and nothing that has ended")
    func counts() async throws {
        let world = try await World()
        let engine = world.engine { input, context in
            switch input {
            case "waits": return try await context.signal("wait", "go")
            case "breaks": throw SQLError(.misuse, code: "", message: "")
            case "fails": throw Fault.declined
            default: return "done"
            }
        }
        for input in ["waits", "breaks", "fails", "ends"] {
            try await world.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(Scripted.self, id: input, input: input, principal: "", in: tx)
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
