import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletWorkflows

@Suite("A wait")
struct WaitTests {
    let world: World

    init() async throws { world = try await World() }

    @Test("for a time ends by the database's clock, in whatever process then lives")
    func timer() async throws {
        let body: @Sendable (String, WorkflowContext) async throws -> String = { _, context in
            try await context.sleep("rest", for: .seconds(60))
            return "rested"
        }
        let first = world.engine(body)
        try await world.start(on: first)
        try await first.runUntilIdle()
        let run = try #require(try await first.operations.show("r")?.run)
        #expect(run.wakeAt == world.time.date + .seconds(60))
        #expect(!run.isRunning)

        let second = world.engine(body)
        world.time.advance(by: .seconds(59))
        #expect(try await second.runUntilIdle() == 0)
        world.time.advance(by: .seconds(1))
        #expect(try await second.runUntilIdle() == 1)
        #expect(try await world.outcome(second) == .completed("rested"))
    }

    @Test("for a signal takes one that came before, then one that comes later, each once")
    func signals() async throws {
        let engine = world.engine { _, context in
            let first = try await context.signal("first", "word")
            let second = try await context.signal("second", "word")
            return "\(first) \(second)"
        }
        try await world.start(on: engine)
        #expect(try await world.signal("word", "a", on: engine))
        try await engine.runUntilIdle()
        #expect(try await engine.operations.show("r")?.run.waitingFor == "word")

        try await world.signal("other", "x", on: engine)
        #expect(try await engine.runUntilIdle() == 0)
        try await world.signal("word", "b", on: engine)
        #expect(try await engine.runUntilIdle() == 1)
        #expect(try await world.outcome(engine) == .completed("a b"))
        #expect(try await world.signal("word", "c", on: engine) == false)
        #expect(try await engine.operations.show("r")?.signals.map(\.consumedBy) == [0, nil, 1])
    }

    @Test("for a signal with a timeout ends without one", arguments: [true, false])
    func timeout(isSent: Bool) async throws {
        let engine = world.engine { _, context in
            try await context.signal("wait", "word", timeout: .seconds(60)) ?? "nothing"
        }
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        if isSent { try await world.signal("word", "a", on: engine) }
        world.time.advance(by: .seconds(60))
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed(isSent ? "a" : "nothing"))
    }

    @Test("does not end by a clock that cannot be believed; a signal or a start does not mind it")
    func unbelievable() async throws {
        var world = world
        let isResting = Mutex(false)
        world.pausesExpiry = { isResting.withLock { $0 } }
        let engine = world.engine { _, context in
            let word = try await context.signal("wait", "word", timeout: .seconds(60)) ?? "nothing"
            try await context.sleep("rest", for: .seconds(60))
            return word
        }
        isResting.withLock { $0 = true }
        try await world.start(on: engine)
        #expect(try await engine.runUntilIdle() == 1)
        world.time.jumpDate(by: .seconds(3_600))
        #expect(try await engine.runUntilIdle() == 0)

        try await world.signal("word", "a", on: engine)
        #expect(try await engine.runUntilIdle() == 1)
        world.time.jumpDate(by: .seconds(3_600))
        #expect(try await engine.runUntilIdle() == 0)
        #expect(try await world.outcome(engine) == .open)

        isResting.withLock { $0 = false }
        #expect(try await engine.runUntilIdle() == 1)
        #expect(try await world.outcome(engine) == .completed("a"))
    }

    @Test(
        "for its beginning, or between two attempts, is not put off by a clock that was ahead",
        arguments: [true, false]
    )
    func setBack(isBegun: Bool) async throws {
        var world = world
        let isResting = Mutex(false)
        world.pausesExpiry = { isResting.withLock { $0 } }
        world.limits.pauseMin = .seconds(10)
        let isAway = Mutex(isBegun)
        let engine = world.engine { _, context in
            try await context.remote("ask", input: "x", remembered: .forever) { _ in
                if isAway.withLock({ $0 }) { throw Fault(.unavailable, "peer.away", "nobody is there") }
                return "done"
            }
        }
        world.time.jumpDate(by: .seconds(3_600))
        try await world.start(on: engine)
        if isBegun { #expect(try await engine.runUntilIdle() == 1) }
        isAway.withLock { $0 = false }

        world.time.jumpDate(by: .seconds(-3_600))
        world.time.advance(by: .seconds(60))
        #expect(try await engine.runUntilIdle() == 0)
        isResting.withLock { $0 = true }
        #expect(try await engine.runUntilIdle() == 1)
        #expect(try await world.outcome(engine) == .completed("done"))
    }

    @Test("that was asked for is as long as ever when the clock is set back")
    func stays() async throws {
        var world = world
        world.pausesExpiry = { true }
        let engine = world.engine { _, context in
            try await context.sleep("rest", for: .seconds(3_600))
            return "rested"
        }
        try await world.start(on: engine)
        #expect(try await engine.runUntilIdle() == 1)
        world.time.jumpDate(by: .seconds(-60))
        #expect(try await engine.runUntilIdle() == 0)
        #expect(try await world.outcome(engine) == .open)
    }

    @Test("that was gone on with elsewhere is not thought abandoned by a clock that cannot be believed")
    func lease() async throws {
        var world = world
        let isResting = Mutex(true)
        world.pausesExpiry = { isResting.withLock { $0 } }
        let killed = world.engine(killedAt: { $0 == "workflow.journaled" }) { _, context in
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
            return "done"
        }
        try await world.start(on: killed)
        try await killed.runUntilIdle()
        world.time.jumpDate(by: .seconds(3_600))
        let engine = world.engine { _, context in
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
            return "done"
        }
        #expect(try await engine.runUntilIdle() == 0)
        isResting.withLock { $0 = false }
        #expect(try await engine.runUntilIdle() == 1)
        #expect(try await world.outcome(engine) == .completed("done"))
    }

    @Test("leaves dates and identifiers as they were first")
    func values() async throws {
        let engine = world.engine { _, context in
            let date = try context.date("date")
            let id = try context.identifier("id")
            try await context.sleep("rest", for: .seconds(60))
            return "\(date) \(id.count)"
        }
        let date = world.time.date
        try await world.start(on: engine)
        try await engine.runUntilIdle()
        world.time.advance(by: .seconds(60))
        try await engine.runUntilIdle()
        #expect(try await world.outcome(engine) == .completed("\(date) 36"))
    }
}
