import MartletCore
import MartletSQL
import MartletTesting
import Testing

@testable import MartletWorkflows

@Suite("A step", .timeLimit(.minutes(1)))
struct StepTests {
    let world: World

    init() async throws { world = try await World() }

    @Test("in the database commits its effect and its journal entry together, and happens once")
    func local() async throws {
        let engine = world.engine { _, context in
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
            let answer = try await context.local("two", input: 2) { (tx: borrowing SQLTransaction) -> Int in
                try add("two", tx)
                return 42
            }
            return "\(answer)"
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("42"))
        #expect(try await world.effects() == ["one=1", "two=1"])
        #expect(try await world.journal(engine) == ["one local done", "two local done"])
    }

    @Test("in the database that is refused keeps nothing, and ends the run as failed with its reason")
    func localRefusal() async throws {
        let engine = world.engine { _, context in
            try await context.local("one") { (tx: borrowing SQLTransaction) in
                try add("one", tx)
                throw Fault.declined
            }
            return "unreachable"
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        guard case .failed(let failure) = try await world.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.step == "one")
        #expect(failure.fault.reason == "peer.declined")
        #expect(failure.fault.code == .failedPrecondition)
        #expect(try await world.effects() == [])
        #expect(try await world.journal(engine) == ["one local refused"])
    }

    @Test("in the database that throws what is no refusal parks the run, and the workflow cannot catch it")
    func localBug() async throws {
        struct Bug: Error {}
        let engine = world.engine { _, context in
            do {
                try await context.local("one") { (tx: borrowing SQLTransaction) in
                    try add("one", tx)
                    throw Bug()
                }
            } catch {}
            return "swallowed"
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .needsHuman(reason: "step one threw Bug"))
        #expect(try await world.effects() == [])
    }

    @Test("elsewhere carries its key, the service as principal on behalf of the run's, the trace and a deadline")
    func callContext() async throws {
        let trace = TraceContext.root(world.entropy)
        let (time, timeout) = (world.time, world.limits.attemptTimeout)
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x") { call in
                let context = call.context
                return [
                    call.key, context.idempotencyKey ?? "", context.principal.id, context.principal.subject,
                    context.trace?.traceID ?? "", context.deadline == time.now + timeout ? "in time" : "late",
                ]
            }.joined(separator: " ")
        }
        let context = CallContext(principal: Principal(kind: .user, id: "ann", scopes: []), trace: trace)
        try await world.database.transaction { (tx: borrowing SQLTransaction) in
            try engine.start(Scripted.self, id: "r", input: "in", for: context, in: tx)
        }
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("r/one r/one tests ann \(trace.traceID) in time"))
    }

    @Test("elsewhere that was not done, or may have been, is asked again with the same key")
    func retries() async throws {
        let peer = world.peer
        peer.fail("r/one", [.busy, .lost, .lost])
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one", "r/one", "r/one", "r/one"])
        #expect(peer.effects == ["r/one"])
    }

    @Test("elsewhere that is refused is asked once, journaled, and thrown into the workflow")
    func refusal() async throws {
        let peer = world.peer
        peer.fail("r/one", [.declined])
        let engine = world.engine { _, context in
            do {
                return try await context.remote("one", input: "x") { try peer.call($0) }
            } catch let refused as StepRefused {
                return try await context.remote("two", input: refused.reason.name) { try peer.call($0) }
            }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("did r/two"))
        #expect(peer.calls == ["r/one", "r/two"])
        #expect(try await world.journal(engine) == ["one remote refused", "two remote done"])
    }

    @Test("elsewhere that never answers is given up at its deadline and asked again")
    func deadline() async throws {
        let (peer, time) = (world.peer, world.time)
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x") { call in
                let isFirst = peer.calls.isEmpty
                let answer = try peer.call(call)
                if isFirst { try await time.sleep(for: .seconds(3_600)) }
                return answer
            }
        }
        try await world.start(on: engine)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.runUntilIdle() }
            await time.waitForSleepers(2)
            time.advance(by: world.limits.attemptTimeout)
            try await group.waitForAll()
        }
        #expect(try await world.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one", "r/one"])
    }

    @Test("elsewhere that stays unknown parks its run at the limit; after a retry it goes on with the same key")
    func needsHuman() async throws {
        var world = world
        world.limits.unknownLimit = 3
        let peer = world.peer
        peer.fail("r/two", [.lost, .lost, .lost])
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
            return try await context.remote("two", input: "x") { try peer.call($0) }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(
            try await world.outcome(engine)
                == .needsHuman(reason: "step two: 3 attempts, 3 of unknown outcome, the last: unavailable")
        )
        #expect(try await engine.runUntilIdle() == 0)

        #expect(try await engine.operations.retry("r"))
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("did r/two"))
        #expect(peer.calls == ["r/one"] + Array(repeating: "r/two", count: 4))
        #expect(try await engine.operations.retry("r") == false)
    }

    @Test("that waits long gives its place back, and counts its attempts on")
    func longPause() async throws {
        var world = world
        world.limits.pauseMin = .seconds(10)
        world.limits.attemptsLimit = 3
        let (peer, time) = (world.peer, world.time)
        peer.fail("r/one", [.busy, .busy, .busy])
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        try await world.start(on: engine)
        for _ in 0..<2 {
            try await engine.runUntilIdle()
            #expect(try await world.outcome(engine) == .open)
            time.advance(by: .seconds(60))
        }
        try await engine.runUntilIdle()
        #expect(
            try await world.outcome(engine)
                == .needsHuman(reason: "step one: 3 attempts, 0 of unknown outcome, the last: conflict")
        )
    }

    @Test("with a look-up asks what became of it once its outcome stays unknown")
    func lookUp() async throws {
        let peer = world.peer
        peer.fail("r/one", Array(repeating: .lost, count: 100))
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x", resolve: { .done("looked up \($0.key)") }) {
                try peer.call($0)
            }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("looked up r/one"))
        #expect(peer.calls.count == world.limits.lookUpAfter)
    }

    @Test("that is proven not to have happened is asked under a new key")
    func newKey() async throws {
        let peer = world.peer
        peer.fail("r/one", Array(repeating: .lost, count: 100))
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x", resolve: { _ in .notDone }) { try peer.call($0) }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("did r/one~1"))
        #expect(peer.calls.last == "r/one~1")
    }

    @Test("whose key the callee may have forgotten is not asked again, but parks its run")
    func oldKey() async throws {
        let (peer, time) = (world.peer, world.time)
        let body: @Sendable (String, WorkflowContext) async throws -> String = { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        let killed = world.engine(killedAt: { $0 == "workflow.called" }, body)
        try await world.start(on: killed)
        try await killed.runUntilIdle()
        time.advance(by: world.limits.keyLifetime)

        let engine = world.engine(body)
        try await engine.runUntilIdle()
        #expect(
            try await world.outcome(engine) == .needsHuman(reason: "step one: its key is too old to be asked again")
        )
        #expect(peer.calls == ["r/one"])

        // The operator has looked, and vouches for it.
        try await engine.operations.retry("r")
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("did r/one"))
    }

    @Test(
        "that its callee remembers for ever is asked again, however old, also where there is a look-up",
        arguments: [false, true]
    )
    func rememberedForever(hasLookUp: Bool) async throws {
        let (peer, time) = (world.peer, world.time)
        let resolve: @Sendable (StepCall) async throws -> StepResolution<String> = { _ in .done("looked up") }
        let body: @Sendable (String, WorkflowContext) async throws -> String = { _, context in
            try await context.remote("one", input: "x", remembered: .forever, resolve: hasLookUp ? resolve : nil) {
                try peer.call($0)
            }
        }
        let killed = world.engine(killedAt: { $0 == "workflow.called" }, body)
        try await world.start(on: killed)
        try await killed.runUntilIdle()
        time.advance(by: world.limits.keyLifetime * 100)

        let engine = world.engine(body)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one", "r/one"])
    }

    @Test("is as old as the database says, however wrong the clock of its process is", arguments: [-4, 4])
    func wrongClock(days: Int) async throws {
        var world = world
        world.skew = .seconds(days * 24 * 3_600)
        let peer = world.peer
        peer.fail("r/one", [.lost])
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one", "r/one"])
    }

    @Test("inside another parks the run: steps follow one another")
    func nested() async throws {
        let engine = world.engine { _, context in
            try await context.remote("outer", input: "x") { _ in
                try await context.remote("inner", input: "x") { _ in "inner" }
            }
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(
            try await world.outcome(engine)
                == .needsHuman(reason: "step inner began inside another: steps follow one another")
        )
    }

    @Test("may not have the name of another step of its run")
    func sameName() async throws {
        let engine = world.engine { _, context in
            for _ in 0..<2 { try await context.remote("one", input: "x") { _ in "done" } }
            return "unreachable"
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .needsHuman(reason: "mismatch: step one stands twice in the run"))
    }
}
