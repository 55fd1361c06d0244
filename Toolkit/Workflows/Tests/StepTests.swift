import MartletCore
import MartletSQL
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletWorkflows

@Suite("Step", .timeLimit(.minutes(HangLimit.testMinutes)))
struct StepTests {
    let fixture: WorkflowFixture

    init() async throws { fixture = try await WorkflowFixture() }

    @Test("local: commits its effect and its journal entry together, once")
    func local() async throws {
        let engine = fixture.engine { _, context in
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
            let result = try await context.local("two", input: 2) { (tx: borrowing SQLTransaction) -> Int in
                try add("two", tx)
                return 42
            }
            return "\(result)"
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("42"))
        #expect(try await fixture.effects() == ["one=1", "two=1"])
        #expect(try await fixture.journal(engine) == ["one local done", "two local done"])
    }

    @Test("local: a refusal commits nothing, and ends the run as failed with its reason")
    func localRefusal() async throws {
        let engine = fixture.engine { _, context in
            try await context.local("one") { (tx: borrowing SQLTransaction) in
                try add("one", tx)
                throw Fault.declined
            }
            return "unreachable"
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        guard case .failed(let failure) = try await fixture.outcome(engine) else { return #expect(Bool(false)) }
        #expect(failure.step == "one")
        #expect(failure.fault.reason == "peer.declined")
        #expect(failure.fault.code == .failedPrecondition)
        #expect(try await fixture.effects() == [])
        #expect(try await fixture.journal(engine) == ["one local refused"])
    }

    @Test("local: any other error parks the run, and the workflow cannot catch it")
    func localBug() async throws {
        struct Bug: Error {}
        let engine = fixture.engine { _, context in
            do {
                try await context.local("one") { (tx: borrowing SQLTransaction) in
                    try add("one", tx)
                    throw Bug()
                }
            } catch {}
            return "swallowed"
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .needsHuman(reason: "step one threw Bug"))
        #expect(try await fixture.effects() == [])
    }

    @Test("remote: the call has its key, the service on behalf of the run's principal, the trace and a deadline")
    func callContext() async throws {
        let trace = TraceContext.root(fixture.entropy, sampled: true)
        let (time, timeout) = (fixture.time, fixture.limits.attemptTimeout)
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { call in
                let context = call.context
                return [
                    call.key, context.idempotencyKey ?? "", context.principal.id.text, context.principal.subject.text,
                    context.trace?.traceID ?? "", context.deadline == time.now + timeout ? "in time" : "late",
                ]
            }.joined(separator: " ")
        }
        let context = CallContext(principal: Principal(user: "ann", scopes: []), trace: trace)
        try await fixture.database.transaction { (tx: borrowing SQLTransaction) in
            try engine.start(Scripted.self, id: "r", input: "in", for: context, in: tx)
        }
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("r/one r/one tests ann \(trace.traceID) in time"))
    }

    @Test("remote: the key is in the context unless the callee deduplicates by identity; an undo has one")
    func keysOfCalls() async throws {
        let keys = Mutex<[String?]>([])
        let peer = fixture.peer
        let engine = fixture.engine { _, context in
            let call: @Sendable (StepCall) throws -> String = { call in
                keys.withLock { $0.append(call.context.idempotencyKey) }
                return try peer.call(call)
            }
            try await context.remote("by key", input: "x") { try call($0) }
            try await context.remote("by id", input: "x", deduplicated: .byIdentity, undo: { _ = try call($0) }) {
                try call($0)
            }
            try await context.compensate()
            return "done"
        }
        peer.fail("r/by id", [.lost])
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("done"))
        #expect(keys.withLock { $0 } == ["r/by key", nil, nil, "r/undo.by id"])
        #expect(peer.calls == ["r/by key", "r/by id", "r/by id", "r/undo.by id"])
    }

    @Test("an execution is a span of the trace in which its run began, and each attempt of a step is one within it")
    func spans() async throws {
        let spans = RecordedSpans(runtime: Runtime(time: fixture.time, seed: 1))
        let seen = Mutex<[TraceContext?]>([])
        fixture.peer.fail("r/one", [.busy])
        let peer = fixture.peer
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { call in
                seen.withLock { $0.append(call.context.trace) }
                return try peer.call(call)
            }
        }
        try await spans.within {
            try await fixture.start(on: engine)
            _ = spans.take()
            try await engine.runUntilIdle()
        }
        let all = spans.take()
        let runs = all.filter { $0.name == "run scripted" }
        let places = Set(runs.map(\.trace.spanBits))
        let steps = all.filter { $0.name == "step one" }
        #expect(runs.allSatisfy { $0.text(.workflowRun) == "r" })
        #expect(steps.map(\.isFailed) == [true, false])
        #expect(steps.allSatisfy { step in step.parent.map { places.contains($0) } == true })
        #expect(seen.withLock { $0 } == steps.map(\.trace))
        #expect(all.contains { $0.name.hasPrefix("transaction ") && places.contains($0.parent ?? 0) })
    }

    @Test("remote: a call that was not done, or has an unknown outcome, is retried with the same key")
    func retries() async throws {
        let peer = fixture.peer
        peer.fail("r/one", [.busy, .lost, .lost])
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one", "r/one", "r/one", "r/one"])
        #expect(peer.effects == ["r/one"])
    }

    @Test("remote: a refusal is journaled and thrown into the workflow, without a retry")
    func refusal() async throws {
        let peer = fixture.peer
        peer.fail("r/one", [.declined])
        let engine = fixture.engine { _, context in
            do {
                return try await context.remote("one", input: "x") { try peer.call($0) }
            } catch let refused as StepRefused {
                return try await context.remote("two", input: refused.reason.name) { try peer.call($0) }
            }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("did r/two"))
        #expect(peer.calls == ["r/one", "r/two"])
        #expect(try await fixture.journal(engine) == ["one remote refused", "two remote done"])
    }

    @Test("remote: a call without a response ends at its deadline and is retried")
    func deadline() async throws {
        let (peer, time) = (fixture.peer, fixture.time)
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { call in
                let isFirst = peer.calls.isEmpty
                let response = try peer.call(call)
                if isFirst { try await time.sleep(for: .seconds(3_600)) }
                return response
            }
        }
        try await fixture.start(on: engine)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.runUntilIdle() }
            await time.waitForSleepers(2)
            time.advance(by: fixture.limits.attemptTimeout)
            try await group.waitForAll()
        }
        #expect(try await fixture.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one", "r/one"])
    }

    @Test("remote: unknown outcomes park the run at the limit; an operator's retry resumes with the same key")
    func needsHuman() async throws {
        var fixture = fixture
        fixture.limits.unknownLimit = 3
        let peer = fixture.peer
        peer.fail("r/two", [.lost, .lost, .lost])
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
            return try await context.remote("two", input: "x") { try peer.call($0) }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(
            try await fixture.outcome(engine)
                == .needsHuman(reason: "step two: 3 attempts, 3 of unknown outcome, the last: unavailable")
        )
        #expect(try await engine.runUntilIdle() == 0)

        #expect(try await engine.operations.retry("r"))
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("did r/two"))
        #expect(peer.calls == ["r/one"] + Array(repeating: "r/two", count: 4))
        #expect(try await engine.operations.retry("r") == false)
    }

    @Test("a long delay releases the run, and its attempts are still counted")
    func longDelay() async throws {
        var fixture = fixture
        fixture.limits.retryDelayMin = .seconds(10)
        fixture.limits.attemptsLimit = 3
        let (peer, time) = (fixture.peer, fixture.time)
        peer.fail("r/one", [.busy, .busy, .busy])
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        try await fixture.start(on: engine)
        for _ in 0..<2 {
            try await engine.runUntilIdle()
            #expect(try await fixture.outcome(engine) == .open)
            time.advance(by: .seconds(60))
        }
        try await engine.runUntilIdle()
        #expect(
            try await fixture.outcome(engine)
                == .needsHuman(reason: "step one: 3 attempts, 0 of unknown outcome, the last: conflict")
        )
    }

    @Test("look-up: used after repeated unknown outcomes")
    func lookUp() async throws {
        let peer = fixture.peer
        peer.fail("r/one", Array(repeating: .lost, count: 100))
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x", resolve: { .done("looked up \($0.key)") }) {
                try peer.call($0)
            }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("looked up r/one"))
        #expect(peer.calls.count == fixture.limits.lookUpAfter)
    }

    @Test("look-up: a step that was not done is repeated under a new key")
    func newKey() async throws {
        let peer = fixture.peer
        peer.fail("r/one", Array(repeating: .lost, count: 100))
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x", resolve: { _ in .notDone }) { try peer.call($0) }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("did r/one~1"))
        #expect(peer.calls.last == "r/one~1")
    }

    @Test("a key older than its lifetime is not sent again: the run is parked")
    func oldKey() async throws {
        let (peer, time) = (fixture.peer, fixture.time)
        let body: @Sendable (String, WorkflowContext) async throws -> String = { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        let killed = fixture.engine(body)
        try await fixture.start(on: killed)
        try await fixture.run(killed, killedAt: { $0 == "workflow.called" })
        time.advance(by: fixture.limits.keyLifetime)

        let engine = fixture.engine(body)
        try await engine.runUntilIdle()
        #expect(
            try await fixture.outcome(engine) == .needsHuman(reason: "step one: its key is too old for another attempt")
        )
        #expect(peer.calls == ["r/one"])

        // The operator has checked the outcome, and vouches for it.
        try await engine.operations.retry("r")
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("did r/one"))
    }

    @Test(
        "deduplicated by identity: repeated however old it is, with or without a look-up",
        arguments: [false, true]
    )
    func deduplicatedByIdentity(hasLookUp: Bool) async throws {
        let (peer, time) = (fixture.peer, fixture.time)
        let resolve: @Sendable (StepCall) async throws -> StepResolution<String> = { _ in .done("looked up") }
        let body: @Sendable (String, WorkflowContext) async throws -> String = { _, context in
            try await context.remote("one", input: "x", deduplicated: .byIdentity, resolve: hasLookUp ? resolve : nil) {
                try peer.call($0)
            }
        }
        let killed = fixture.engine(body)
        try await fixture.start(on: killed)
        try await fixture.run(killed, killedAt: { $0 == "workflow.called" })
        time.advance(by: fixture.limits.keyLifetime * 100)

        let engine = fixture.engine(body)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one", "r/one"])
    }

    @Test("the age of a key is measured by the database's clock, not by the process's", arguments: [-4, 4])
    func wrongClock(days: Int) async throws {
        var fixture = fixture
        fixture.skew = .seconds(days * 24 * 3_600)
        let peer = fixture.peer
        peer.fail("r/one", [.lost])
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("did r/one"))
        #expect(peer.calls == ["r/one", "r/one"])
    }

    @Test("a nested step parks the run")
    func nested() async throws {
        let engine = fixture.engine { _, context in
            try await context.remote("outer", input: "x") { _ in
                try await context.remote("inner", input: "x") { _ in "inner" }
            }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(
            try await fixture.outcome(engine)
                == .needsHuman(reason: "step inner began inside another: steps follow one another")
        )
    }

    @Test("a repeated step name parks the run")
    func sameName() async throws {
        let engine = fixture.engine { _, context in
            for _ in 0..<2 { try await context.remote("one", input: "x") { _ in "done" } }
            return "unreachable"
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .needsHuman(reason: "mismatch: step one occurs twice in the run"))
    }
}
