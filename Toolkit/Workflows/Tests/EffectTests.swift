import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletWorkflows

@Suite("Effect that commits with the journal", .timeLimit(.minutes(HangLimit.testMinutes)))
struct EffectTests {
    let fixture: WorkflowFixture

    init() async throws { fixture = try await WorkflowFixture() }

    @Test("of a remote step: committed once, before the call, at whatever boundary the process is killed")
    func beforeCall() async throws {
        for hit in 1...4 {
            let fixture = try await WorkflowFixture()
            let (database, peer) = (fixture.database, fixture.peer)
            let hits = CountingDatabase.Counter()
            let body: @Sendable (String, WorkflowContext) async throws -> String = { _, context in
                try await context.remote(
                    "one",
                    input: "x",
                    with: { (tx: borrowing SQLTransaction) in try add("one", tx) },
                    { call in
                        let known = try await database.read("seen") { (tx: borrowing SQLTransaction) in
                            try tx.run("SELECT value FROM effects").map { try $0.int(0) }
                        }
                        return "\(try peer.call(call)) after \(known)"
                    }
                )
            }
            let killed = fixture.engine(body)
            try await fixture.start(on: killed)
            try await fixture.run(
                killed,
                killedAt: { _ in
                    hits.add()
                    return hits.value == hit
                }
            )
            let second = fixture.engine(body)
            await second.voidForeignLeases()
            try await second.runUntilIdle()
            #expect(try await fixture.outcome(second) == .completed("did r/one after [1]"), "killed at boundary \(hit)")
            #expect(try await fixture.effects() == ["one=1"])
            #expect(peer.effects == ["r/one"])
        }
    }

    @Test("of a remote step: a refusal makes no call and commits nothing")
    func refusal() async throws {
        let peer = fixture.peer
        let engine = fixture.engine { _, context in
            do {
                return try await context.remote(
                    "one",
                    input: "x",
                    with: { (tx: borrowing SQLTransaction) in
                        try add("one", tx)
                        throw Fault.declined
                    },
                    { try peer.call($0) }
                )
            } catch let refused as StepRefused {
                return refused.reason.name
            }
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("peer.declined"))
        #expect(peer.calls == [])
        #expect(try await fixture.effects() == [])
        #expect(try await fixture.journal(engine) == ["one remote refused"])
    }

    @Test("of a remote step: needs no transaction of its own")
    func count() async throws {
        let peer = fixture.peer
        let engine = fixture.engine { _, context in
            try await context.remote(
                "one",
                input: "x",
                with: { (tx: borrowing SQLTransaction) in try add("one", tx) },
                { try peer.call($0) }
            )
        }
        try await fixture.start(on: engine)
        fixture.database.count.reset()
        try await engine.runUntilIdle()
        // The claim, the intent, the completion, and the claim that finds nothing.
        #expect(fixture.database.count.value == 4)
    }

    @Test("of the completion: committed once, and only when the run completes")
    func completion() async throws {
        let attempts = Mutex(0)
        let engine = fixture.engine { _, context in
            context.atCompletion { (tx: borrowing SQLTransaction) in
                try add("end", tx)
                let isFirst = attempts.withLock { attempts in
                    attempts += 1
                    return attempts == 1
                }
                if isFirst { throw Fault.lost }
            }
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
            return "done"
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        fixture.time.advance(by: fixture.limits.retryDelayMax)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("done"))
        #expect(try await fixture.effects() == ["end=1", "one=1"])
        #expect(attempts.withLock { $0 } == 2)
    }

    @Test("of the completion: a refusal or an unexpected error parks the run and commits nothing")
    func brokenCompletion() async throws {
        let engine = fixture.engine { _, context in
            context.atCompletion { (tx: borrowing SQLTransaction) in
                try add("end", tx)
                throw Fault.declined
            }
            return "done"
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .needsHuman(reason: "the completion threw Fault"))
        #expect(try await fixture.effects() == [])
    }
}
