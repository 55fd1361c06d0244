import MartletCore
import MartletSQL
import MartletTesting
import Testing

@testable import MartletWorkflows

@Suite("A compensation")
struct CompensationTests {
    let world: World

    init() async throws { world = try await World() }

    /// Three steps, each with its undo; a refusal undoes what was done, writes that down and ends the run.
    private func careful(_ peer: Peer) -> @Sendable (String, WorkflowContext) async throws -> String {
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

    @Test("undoes what was done, newest first, and not what was refused")
    func newestFirst() async throws {
        let peer = world.peer
        peer.fail("r/three", [.declined])
        let engine = world.engine(careful(peer))
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/two", "r/three", "r/undo.two", "r/undo.one"])
        #expect(
            try await world.journal(engine) == [
                "one remote done", "two remote done", "three remote refused", "undo.two undo done",
                "undo.one undo done", "note local done",
            ]
        )
        guard case .failed(let failure) = try await world.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.step == "three")
    }

    @Test("that is asked for again does nothing")
    func twice() async throws {
        let peer = world.peer
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { try peer.call($0) }
            try await context.compensate()
            try await context.compensate()
            return "undone"
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("undone"))
        #expect(peer.calls == ["r/one", "r/undo.one"])
    }

    @Test("is asked again with its key until it is done")
    func retried() async throws {
        let peer = world.peer
        peer.fail("r/two", [.declined])
        peer.fail("r/undo.one", [.lost, .busy])
        let engine = world.engine(careful(peer))
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/two", "r/undo.one", "r/undo.one", "r/undo.one"])
        #expect(try await world.effects() == ["undone=1"])
    }

    @Test("that is refused parks the run: what was to be undone still stands")
    func refused() async throws {
        let peer = world.peer
        peer.fail("r/two", [.declined])
        peer.fail("r/undo.one", [.declined])
        let engine = world.engine(careful(peer))
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(
            try await world.outcome(engine) == .needsHuman(reason: "step undo.one was refused: peer.declined")
        )

        try await engine.operations.retry("r")
        try await engine.runUntilIdle()
        #expect(peer.calls.last == "r/undo.one")
        #expect(try await world.effects() == ["undone=1"])
    }

    @Test("by an operator undoes the step of unknown outcome too, on the workflow's own way of failing")
    func byOperator() async throws {
        var world = world
        world.limits.unknownLimit = 2
        let peer = world.peer
        peer.fail("r/two", [.lost, .lost])
        let engine = world.engine(careful(peer))
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        guard case .needsHuman = try await world.outcome(engine) else { return #expect(Bool(false)) }

        #expect(try await engine.operations.compensate("r"))
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/two", "r/two", "r/undo.two", "r/undo.one"])
        #expect(try await world.effects() == ["undone=1"])
        guard case .failed(let failure) = try await world.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.fault.reason == .workflowEnded)
        #expect(try await engine.operations.compensate("r") == false)
    }

    @Test("by an operator happens even when the workflow never compensates, and takes nothing new on")
    func withoutOwnWay() async throws {
        let peer = world.peer
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { try peer.call($0) }
            let word = try await context.signal("wait", "go")
            return try await context.remote("two", input: word) { try peer.call($0) }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        try await engine.operations.compensate("r")
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/undo.one"])
        guard case .failed = try await world.outcome(engine) else { return #expect(Bool(false)) }
    }

    @Test("by an operator ends what a local step broke, and takes no new local effect")
    func brokenLocal() async throws {
        struct Bug: Error {}
        let peer = world.peer
        let engine = world.engine { _, context in
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
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .needsHuman(reason: "step broken threw Bug"))

        try await engine.operations.compensate("r")
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/undo.one"])
        #expect(try await world.effects() == ["undone=1"])
        #expect(
            try await world.journal(engine) == [
                "one remote done", "broken local refused", "new local refused", "undo.one undo done", "note local done",
            ]
        )
        guard case .failed(let failure) = try await world.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.fault.reason == .workflowEnded)
    }

    @Test("by an operator happens although the workflow answers as if nothing were wrong, and that answer is not kept")
    func answering() async throws {
        let peer = world.peer
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { try peer.call($0) }
            context.atCompletion { (tx: borrowing SQLTransaction) in try add("end", tx) }
            do { return try await context.signal("wait", "go") } catch is StepRefused { return "rejected" }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        try await engine.operations.compensate("r")
        try await engine.runUntilIdle()
        #expect(peer.calls == ["r/one", "r/undo.one"])
        #expect(try await world.effects() == [])
        guard case .failed(let failure) = try await world.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.fault.reason == .workflowEnded)
    }

    @Test("is not set off by a wait, although the workflow catches everything")
    func waits() async throws {
        let (peer, time) = (world.peer, world.time)
        let engine = world.engine { _, context in
            do {
                try await context.remote("one", input: "x", undo: { _ = try peer.call($0) }) { try peer.call($0) }
                try await context.sleep("rest", for: .seconds(60))
                return "rested"
            } catch {
                try? await context.compensate()
                return "gave up"
            }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        time.advance(by: .seconds(60))
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("rested"))
        #expect(peer.calls == ["r/one"])
    }
}
