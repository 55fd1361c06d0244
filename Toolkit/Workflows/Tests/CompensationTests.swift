import MartletCore
import MartletSQL
import MartletTesting
import Testing

@testable import MartletWorkflows

@Suite("Compensation")
struct CompensationTests {
    let fixture: WorkflowFixture

    init() async throws { fixture = try await WorkflowFixture() }

    /// Three steps, each with its undo; a refusal undoes the finished steps, records that and ends the run.
    private func compensating(_ peer: Peer) -> @Sendable (String, WorkflowContext) async throws -> String {
        { _, context in
            do {
                for step in ["one", "two", "three"] {
                    try await context.remote(step, input: step, undo: { _ = try peer.call($0) }) { try peer.call($0) }
                }
                return "done"
            } catch let refused as StepRefused {
                try await context.compensate()
                try await context.local("note") { (tx: borrowing SQLTransaction) in try add("undone", tx) }
                throw refused
            }
        }
    }

    @Test("undoes finished steps, newest first, and no refused step")
    func newestFirst() async throws {
        let peer = fixture.peer
        peer.fail("r/three", [.declined])
        let engine = fixture.engine(compensating(peer))
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/two", "r/three", "r/undo.two", "r/undo.one"])
        #expect(
            try await fixture.journal(engine) == [
                "one remote done", "two remote done", "three remote refused", "undo.two undo done",
                "undo.one undo done", "note local done",
            ]
        )
        guard case .failed(let failure) = try await fixture.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.step == "three")
    }

    @Test("a second compensate() does nothing")
    func twice() async throws {
        let peer = fixture.peer
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { try peer.call($0) }
            try await context.compensate()
            try await context.compensate()
            return "undone"
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("undone"))
        #expect(peer.calls == ["r/one", "r/undo.one"])
    }

    @Test("an undo is retried with its key until it is done")
    func retried() async throws {
        let peer = fixture.peer
        peer.fail("r/two", [.declined])
        peer.fail("r/undo.one", [.lost, .busy])
        let engine = fixture.engine(compensating(peer))
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/two", "r/undo.one", "r/undo.one", "r/undo.one"])
        #expect(try await fixture.effects() == ["undone=1"])
    }

    @Test("a refused undo parks the run; a retry repeats it")
    func refused() async throws {
        let peer = fixture.peer
        peer.fail("r/two", [.declined])
        peer.fail("r/undo.one", [.declined])
        let engine = fixture.engine(compensating(peer))
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(
            try await fixture.outcome(engine) == .needsHuman(reason: "step undo.one was refused: peer.declined")
        )

        try await engine.operations.retry("r")
        try await engine.runUntilIdle()
        #expect(peer.calls.last == "r/undo.one")
        #expect(try await fixture.effects() == ["undone=1"])
    }

    @Test("by an operator: also undoes the step of unknown outcome, by the workflow's own error handling")
    func byOperator() async throws {
        var fixture = fixture
        fixture.limits.unknownLimit = 2
        let peer = fixture.peer
        peer.fail("r/two", [.lost, .lost])
        let engine = fixture.engine(compensating(peer))
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        guard case .needsHuman = try await fixture.outcome(engine) else { return #expect(Bool(false)) }

        #expect(try await engine.operations.compensate("r"))
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/two", "r/two", "r/undo.two", "r/undo.one"])
        #expect(try await fixture.effects() == ["undone=1"])
        guard case .failed(let failure) = try await fixture.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.fault.reason == .workflowEnded)
        #expect(try await engine.operations.compensate("r") == false)
    }

    @Test("by an operator: runs even if the workflow never compensates, and no new step runs")
    func withoutOwnCompensation() async throws {
        let peer = fixture.peer
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { try peer.call($0) }
            let payload = try await context.signal("wait", "go")
            return try await context.remote("two", input: payload) { try peer.call($0) }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        try await engine.operations.compensate("r")
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/undo.one"])
        guard case .failed = try await fixture.outcome(engine) else { return #expect(Bool(false)) }
    }

    @Test("by an operator: ends a run whose local step threw, and commits no new local effect")
    func brokenLocal() async throws {
        struct Bug: Error {}
        let peer = fixture.peer
        let engine = fixture.engine { _, context in
            do {
                try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { try peer.call($0) }
                do {
                    try await context.local("broken") { (_: borrowing SQLTransaction) in throw Bug() }
                } catch is StepRefused {
                    try await context.local("new") { (tx: borrowing SQLTransaction) in try add("new", tx) }
                }
                return "done"
            } catch let refused as StepRefused {
                try await context.compensate()
                try await context.local("note") { (tx: borrowing SQLTransaction) in try add("undone", tx) }
                throw refused
            }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .needsHuman(reason: "step broken threw Bug"))

        try await engine.operations.compensate("r")
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/undo.one"])
        #expect(try await fixture.effects() == ["undone=1"])
        #expect(
            try await fixture.journal(engine) == [
                "one remote done", "broken local refused", "new local refused", "undo.one undo done", "note local done",
            ]
        )
        guard case .failed(let failure) = try await fixture.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.fault.reason == .workflowEnded)
    }

    @Test("by an operator: runs although the workflow returns a result, which is discarded")
    func returning() async throws {
        let peer = fixture.peer
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { try peer.call($0) }
            context.atCompletion { (tx: borrowing SQLTransaction) in try add("end", tx) }
            do { return try await context.signal("wait", "go") } catch is StepRefused { return "rejected" }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        try await engine.operations.compensate("r")
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/undo.one"])
        #expect(try await fixture.effects() == [])
        guard case .failed(let failure) = try await fixture.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.fault.reason == .workflowEnded)
    }

    @Test("an interruption by a wait does not compensate, although the workflow catches everything")
    func waits() async throws {
        let (peer, time) = (fixture.peer, fixture.time)
        let engine = fixture.engine { _, context in
            do {
                try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { try peer.call($0) }
                try await context.sleep("rest", for: .seconds(60))
                return "rested"
            } catch {
                try? await context.compensate()
                return "gave up"
            }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        time.advance(by: .seconds(60))
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("rested"))
        #expect(peer.calls == ["r/one"])
    }
}
