import MartletCore
import MartletSQL
import MartletTesting
import Testing

@testable import MartletWorkflows

/// Steps that are deduplicated by identity: their first call may be made before the journal has a trace of them.
@Suite("Intent that is not written first", .timeLimit(.minutes(HangLimit.testMinutes)))
struct UnwrittenIntentTests {
    typealias Body = @Sendable (String, WorkflowContext) async throws -> String

    let fixture: WorkflowFixture

    init() async throws { fixture = try await WorkflowFixture() }

    /// One step with an undo, then the steps of `others`.
    private func steps(_ others: [String] = []) -> Body {
        let peer = fixture.peer
        return { _, context in
            try await context.remote(
                "one",
                input: "x",
                deduplicated: .byIdentity,
                undo: { _ = try peer.call($0) },
                { try peer.call($0) }
            )
            for step in others {
                try await context.remote(step, input: "x", deduplicated: .byIdentity) { try peer.call($0) }
            }
            return "done"
        }
    }

    @Test("n steps need n transactions, besides the one that claims the run and the one that finds nothing")
    func count() async throws {
        let engine = fixture.engine(steps(["two", "three"]))
        try await fixture.start(on: engine)
        fixture.database.count.reset()
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("done"))
        #expect(fixture.database.count.value == 1 + 3 + 1)
        #expect(
            try await fixture.journal(engine) == ["one remote done", "two remote done", "three remote done"]
        )
    }

    @Test("a crash after the call leaves no trace: the step is called again, with the same key")
    func crash() async throws {
        let killed = fixture.engine(steps())
        try await fixture.start(on: killed)
        try await fixture.run(killed, killedAt: { $0 == "workflow.called" })
        #expect(try await fixture.journal(killed) == [])

        let engine = fixture.engine(steps())
        await engine.voidForeignLeases()
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("done"))
        #expect(fixture.peer.calls == ["r/one", "r/one"])
    }

    @Test("an operator who ends the run after such a crash has the step undone")
    func compensated() async throws {
        let killed = fixture.engine(steps(["two"]))
        try await fixture.start(on: killed)
        try await fixture.run(killed, killedAt: { $0 == "workflow.called" })

        let engine = fixture.engine(steps(["two"]))
        try await engine.operations.compensate("r")
        try await engine.runUntilIdle()
        #expect(fixture.peer.calls == ["r/one", "r/undo.one"])
        #expect(try await fixture.journal(engine) == ["one remote refused", "undo.one undo done"])
        guard case .failed = try await fixture.outcome(engine) else { return #expect(Bool(false)) }
    }

    @Test("a result, a refusal or a value is durable before the next call, which may depend on it")
    func dependent() async throws {
        let peer = fixture.peer
        peer.fail("r/refused", [.declined])
        let engine = fixture.engine { _, context in
            let id = try context.identifier("id")
            try await context.remote("one", input: id, deduplicated: .byIdentity) { try peer.call($0) }
            do {
                try await context.remote("refused", input: id, deduplicated: .byIdentity) { try peer.call($0) }
            } catch is StepRefused {}
            return try await context.remote("other", input: id, deduplicated: .byIdentity) { try peer.call($0) }
        }
        try await fixture.start(on: engine)
        try await fixture.run(engine, killedAt: { $0 == "workflow.called" && peer.calls.count == 1 })
        #expect(try await fixture.journal(engine) == ["id value done", "one remote open"])

        fixture.time.advance(by: fixture.limits.lease)
        try await fixture.run(engine, killedAt: { $0 == "workflow.called" && peer.calls.count == 4 })
        #expect(peer.calls == ["r/one", "r/one", "r/refused", "r/other"])
        #expect(
            try await fixture.journal(engine) == [
                "id value done", "one remote done", "refused remote refused", "other remote open",
            ]
        )
    }

    @Test("a process that has lost its run makes no call after the one that it has begun")
    func stale() async throws {
        var fixture = fixture
        fixture.limits.attemptTimeout = .seconds(3_600)
        let (peer, time, lease) = (fixture.peer, fixture.time, fixture.limits.lease)
        let second = fixture.engine(steps(["two"]))
        let first = fixture.engine { _, context in
            try await context.remote("one", input: "x", deduplicated: .byIdentity) { call in
                let response = try peer.call(call)
                // Meanwhile the lease expires, and the other process completes the run.
                time.advance(by: lease)
                try await second.runUntilIdle()
                return response
            }
            return try await context.remote("two", input: "x", deduplicated: .byIdentity) { try peer.call($0) }
        }
        try await fixture.start(on: first)
        try await first.runUntilIdle()
        #expect(try await fixture.outcome(first) == .completed("done"))
        #expect(peer.calls == ["r/one", "r/one", "r/two"])
    }

    @Test("the journal shows a step whose first attempt has failed, before the second one")
    func shown() async throws {
        fixture.peer.fail("r/one", [.busy])
        let engine = fixture.engine(steps())
        try await fixture.start(on: engine)
        try await fixture.run(engine, killedAt: { $0 == "workflow.intent" })
        #expect(fixture.peer.calls == ["r/one"])
        #expect(try await fixture.journal(engine) == ["one remote open"])

        fixture.time.advance(by: fixture.limits.lease)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("done"))
        #expect(fixture.peer.calls == ["r/one", "r/one"])
    }

    @Test("a run that waits for its second attempt, or is parked, has the step in its journal", arguments: [1, 2])
    func parked(attempts: Int) async throws {
        var fixture = fixture
        fixture.limits.attemptsLimit = attempts
        fixture.limits.retryDelayMin = .seconds(20)
        fixture.peer.fail("r/one", Array(repeating: .lost, count: attempts))
        let engine = fixture.engine(steps())
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.journal(engine) == ["one remote open"])

        fixture.time.advance(by: .seconds(60))
        try await engine.runUntilIdle()
        guard case .needsHuman = try await fixture.outcome(engine) else { return #expect(Bool(false)) }
        #expect(try await fixture.journal(engine) == ["one remote open"])
        try await engine.operations.retry("r")
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("done"))
    }

    @Test("a program that writes every intent first continues such a run, and such a program continues its runs")
    func mixedVersions() async throws {
        let peer = fixture.peer
        let earlier: Body = { _, context in
            // By key, as every step was journaled before.
            try await context.remote("one", input: "x") { try peer.call($0) }
            return "done"
        }
        let cases: [(before: Body, after: Body, journal: [String])] = [
            (steps(), earlier, []), (earlier, steps(), ["one remote open"]),
        ]
        for (before, after, journal) in cases {
            let fixture = try await WorkflowFixture()
            let killed = fixture.engine(before)
            try await fixture.start(on: killed)
            try await fixture.run(killed, killedAt: { $0 == "workflow.called" })
            #expect(try await fixture.journal(killed) == journal)
            let engine = fixture.engine(after)
            await engine.voidForeignLeases()
            try await engine.runUntilIdle()
            #expect(try await fixture.outcome(engine) == .completed("done"))
        }
        #expect(peer.calls == Array(repeating: "r/one", count: 4))
    }
}
