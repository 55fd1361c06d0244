import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletWorkflows

@Suite("An effect that commits with the journal", .timeLimit(.minutes(1)))
struct EffectTests {
    let world: World

    init() async throws { world = try await World() }

    @Test("of a step elsewhere is on record before the call, once, wherever the process dies")
    func beforeCall() async throws {
        for hit in 1...4 {
            let world = try await World()
            let (database, peer) = (world.database, world.peer)
            let hits = CountingDatabase.Counter()
            let body: @Sendable (String, WorkflowContext) async throws -> String = { _, context in
                try await context.remote(
                    "one",
                    input: "x",
                    with: { (tx: borrowing SQLTransaction) in try add("one", tx) },
                    { call in
                        let known = try await database.read("seen") { (tx: borrowing SQLTransaction) in
                            try tx.run("SELECT value FROM effects").map { $0.int(0) }
                        }
                        return "\(try peer.call(call)) after \(known)"
                    }
                )
            }
            let dying = world.engine(
                killedAt: { _ in
                    hits.add()
                    return hits.value == hit
                },
                body
            )
            try await world.start(on: dying)
            try await dying.runUntilIdle()
            let second = world.engine(body)
            await second.voidForeignLeases()
            try await second.runUntilIdle()
            #expect(try await world.outcome(second) == .completed("did r/one after [1]"), "killed at boundary \(hit)")
            #expect(try await world.effects() == ["one=1"])
            #expect(peer.effects == ["r/one"])
        }
    }

    @Test("of a step elsewhere may refuse it: then nothing is called or kept")
    func refusal() async throws {
        let peer = world.peer
        let engine = world.engine { _, context in
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
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("peer.declined"))
        #expect(peer.calls == [])
        #expect(try await world.effects() == [])
        #expect(try await world.journal(engine) == ["one remote refused"])
    }

    @Test("of a step elsewhere costs no transaction of its own")
    func count() async throws {
        let peer = world.peer
        let engine = world.engine { _, context in
            try await context.remote(
                "one",
                input: "x",
                with: { (tx: borrowing SQLTransaction) in try add("one", tx) },
                { try peer.call($0) }
            )
        }
        try await world.start(on: engine)
        world.database.count.reset()
        try await engine.runUntilIdle()
        // The claim, the intent, the end, and the claim that finds nothing.
        #expect(world.database.count.value == 4)
    }

    @Test("of the completion happens once, and only when the run completes")
    func completion() async throws {
        let tries = Mutex(0)
        let engine = world.engine { _, context in
            context.atCompletion { (tx: borrowing SQLTransaction) in
                try add("end", tx)
                let isFirst = tries.withLock { tries in
                    tries += 1
                    return tries == 1
                }
                if isFirst { throw Fault.lost }
            }
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
            return "done"
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        world.time.advance(by: world.limits.pauseMax)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("done"))
        #expect(try await world.effects() == ["end=1", "one=1"])
        #expect(tries.withLock { $0 } == 2)
    }

    @Test("of the completion that is refused, or throws what nobody expects, parks the run and keeps nothing")
    func brokenCompletion() async throws {
        let engine = world.engine { _, context in
            context.atCompletion { (tx: borrowing SQLTransaction) in
                try add("end", tx)
                throw Fault.declined
            }
            return "done"
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .needsHuman(reason: "the completion threw Fault"))
        #expect(try await world.effects() == [])
    }
}
