import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletWorkflows

@Suite("Workflow replay")
struct ReplayTests {
    private func replay(
        _ body: @escaping @Sendable (Peer, String, WorkflowContext) async throws -> String,
        peer prepare: @escaping @Sendable (Peer) -> Void = { _ in }
    ) -> WorkflowReplay<Scripted> {
        var limits = WorkflowLimits()
        limits.retryDelayMin = .zero
        return WorkflowReplay(of: "in", limits: limits) {
            let time = ManualTime()
            let peer = Peer()
            prepare(peer)
            let database = try SQLiteDatabase.inMemory(time: time)
            try await database.migrate([
                Migration("effects", 1, ["CREATE TABLE effects (name TEXT PRIMARY KEY, value BIGINT NOT NULL)"])
            ])
            return WorkflowReplay.Environment(
                database: database,
                runtime: Runtime(time: time, seed: 1),
                workflow: Scripted { try await body(peer, $0, $1) },
                effects: {
                    let rows = try await database.read { (tx: borrowing SQLTransaction) in
                        try tx.run("SELECT name, value FROM effects ORDER BY name")
                    }
                    return "\(try rows.map { try "\($0.text(0))=\($0.int(1))" }) \(peer.effects)"
                },
                proceed: { engine, run in
                    if let name = run.waitingFor {
                        _ = try await database.transaction { (tx: borrowing SQLTransaction) in
                            try engine.signal(run: run.id, name: name, payload: "word", in: tx)
                        }
                    } else {
                        time.advance(by: .seconds(60))
                    }
                }
            )
        }
    }

    @Test("a crash at any boundary: same ending, each effect once")
    func sound() async throws {
        let report = try await replay({ peer, _, context in
            let id = try context.date("when")
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
            try await context.remote("two", input: "x") { try peer.call($0) }
            try await context.sleep("three", for: .seconds(60))
            let payload = try await context.signal("four", "go")
            try await context.remote("five", input: payload) { try peer.call($0) }
            try await context.local("six") { (tx: borrowing SQLTransaction) in try add("six", tx) }
            return "\(id.microseconds > 0) \(payload)"
        }).run()
        #expect(report.differences == [])
        #expect(report.uninterrupted.output == "\"true word\"")
        #expect(report.uninterrupted.effects == #"["one=1", "six=1"] ["replayed/five", "replayed/two"]"#)
        // Two local steps, a timer begun, a signal awaited and consumed, two intents, two calls.
        #expect(report.killed.count == 9)
    }

    @Test("a crash during compensation: same ending")
    func compensating() async throws {
        let report = try await replay(
            { peer, _, context in
                do {
                    for step in ["one", "two", "three"] {
                        try await context.remote(step, input: step, undo: { _ = try peer.call($0) }) {
                            try peer.call($0)
                        }
                    }
                    return "done"
                } catch let refused as StepRefused {
                    try await context.compensate()
                    try await context.local("note") { (tx: borrowing SQLTransaction) in try add("undone", tx) }
                    throw refused
                }
            },
            peer: {
                $0.fail("replayed/three", Array(repeating: .declined, count: 10))
                $0.fail("replayed/two", [.lost])
            }
        ).run()
        #expect(report.differences == [])
        #expect(report.uninterrupted.state == .failed)
        #expect(report.killed.count > 8)
    }

    @Test("reports a workflow that is not deterministic")
    func unsound() async throws {
        let entropy = SeededEntropy(seed: 3)
        let report = try await replay({ peer, _, context in
            let random = entropy.next()
            try await context.remote("one", input: random) { try peer.call($0) }
            try await context.remote("two", input: "x") { try peer.call($0) }
            return "done"
        }).run()
        #expect(!report.differences.isEmpty)
    }
}
