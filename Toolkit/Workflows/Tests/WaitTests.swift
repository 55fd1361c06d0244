import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletWorkflows

@Suite("Wait")
struct WaitTests {
    let fixture: WorkflowFixture

    init() async throws { fixture = try await WorkflowFixture() }

    @Test("timer: ends by the database's clock, in any process")
    func timer() async throws {
        let body: @Sendable (String, WorkflowContext) async throws -> String = { _, context in
            try await context.sleep("rest", for: .seconds(60))
            return "rested"
        }
        let first = fixture.engine(body)
        try await fixture.start(on: first)
        try await first.runUntilIdle()
        let run = try #require(try await first.operations.show("r")?.run)
        #expect(run.wakeAt == fixture.time.date + .seconds(60))
        #expect(!run.isRunning)

        let second = fixture.engine(body)
        fixture.time.advance(by: .seconds(59))
        #expect(try await second.runUntilIdle() == 0)
        fixture.time.advance(by: .seconds(1))
        #expect(try await second.runUntilIdle() == 1)
        #expect(try await fixture.outcome(second) == .completed("rested"))
    }

    @Test("signal: consumes an earlier one, then a later one, each once")
    func signals() async throws {
        let engine = fixture.engine { _, context in
            let first = try await context.signal("first", "word")
            let second = try await context.signal("second", "word")
            return "\(first) \(second)"
        }
        try await fixture.start(on: engine)
        #expect(try await fixture.signal("word", "a", on: engine))
        try await engine.runUntilIdle()
        #expect(try await engine.operations.show("r")?.run.waitingFor == "word")

        try await fixture.signal("other", "x", on: engine)
        #expect(try await engine.runUntilIdle() == 0)
        try await fixture.signal("word", "b", on: engine)
        #expect(try await engine.runUntilIdle() == 1)
        #expect(try await fixture.outcome(engine) == .completed("a b"))
        #expect(try await fixture.signal("word", "c", on: engine) == false)
        #expect(try await engine.operations.show("r")?.signals.map(\.consumedBy) == [0, nil, 1])
    }

    @Test("signal with a timeout: ends with the signal or without", arguments: [true, false])
    func timeout(isSent: Bool) async throws {
        let engine = fixture.engine { _, context in
            try await context.signal("wait", "word", timeout: .seconds(60)) ?? "nothing"
        }
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        if isSent { try await fixture.signal("word", "a", on: engine) }
        fixture.time.advance(by: .seconds(60))
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed(isSent ? "a" : "nothing"))
    }

    @Test("untrusted clock: no timer or timeout expires; signals and starts still work")
    func untrustedClock() async throws {
        var fixture = fixture
        let isUntrusted = Mutex(false)
        fixture.pausesExpiry = { isUntrusted.withLock { $0 } }
        let engine = fixture.engine { _, context in
            let payload = try await context.signal("wait", "word", timeout: .seconds(60)) ?? "nothing"
            try await context.sleep("rest", for: .seconds(60))
            return payload
        }
        isUntrusted.withLock { $0 = true }
        try await fixture.start(on: engine)
        #expect(try await engine.runUntilIdle() == 1)
        fixture.time.jumpDate(by: .seconds(3_600))
        #expect(try await engine.runUntilIdle() == 0)

        try await fixture.signal("word", "a", on: engine)
        #expect(try await engine.runUntilIdle() == 1)
        fixture.time.jumpDate(by: .seconds(3_600))
        #expect(try await engine.runUntilIdle() == 0)
        #expect(try await fixture.outcome(engine) == .open)

        isUntrusted.withLock { $0 = false }
        #expect(try await engine.runUntilIdle() == 1)
        #expect(try await fixture.outcome(engine) == .completed("a"))
    }

    @Test(
        "clock set back: a start and a retry are not delayed by the time that it was ahead",
        arguments: [true, false]
    )
    func setBack(isBegun: Bool) async throws {
        var fixture = fixture
        let isUntrusted = Mutex(false)
        fixture.pausesExpiry = { isUntrusted.withLock { $0 } }
        fixture.limits.retryDelayMin = .seconds(10)
        let isUnavailable = Mutex(isBegun)
        let engine = fixture.engine { _, context in
            try await context.remote("ask", input: "x", deduplicated: .byIdentity) { _ in
                if isUnavailable.withLock({ $0 }) { throw Fault(.unavailable, "peer.away", "the peer is unavailable") }
                return "done"
            }
        }
        fixture.time.jumpDate(by: .seconds(3_600))
        try await fixture.start(on: engine)
        if isBegun { #expect(try await engine.runUntilIdle() == 1) }
        isUnavailable.withLock { $0 = false }

        fixture.time.jumpDate(by: .seconds(-3_600))
        fixture.time.advance(by: .seconds(60))
        #expect(try await engine.runUntilIdle() == 0)
        isUntrusted.withLock { $0 = true }
        #expect(try await engine.runUntilIdle() == 1)
        #expect(try await fixture.outcome(engine) == .completed("done"))
    }

    @Test("clock set back: a timer is not shortened")
    func unchangedTimer() async throws {
        var fixture = fixture
        fixture.pausesExpiry = { true }
        let engine = fixture.engine { _, context in
            try await context.sleep("rest", for: .seconds(3_600))
            return "rested"
        }
        try await fixture.start(on: engine)
        #expect(try await engine.runUntilIdle() == 1)
        fixture.time.jumpDate(by: .seconds(-60))
        #expect(try await engine.runUntilIdle() == 0)
        #expect(try await fixture.outcome(engine) == .open)
    }

    @Test("untrusted clock: the lease of another process does not expire")
    func lease() async throws {
        var fixture = fixture
        let isUntrusted = Mutex(true)
        fixture.pausesExpiry = { isUntrusted.withLock { $0 } }
        let killed = fixture.engine { _, context in
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
            return "done"
        }
        try await fixture.start(on: killed)
        try await fixture.run(killed, killedAt: { $0 == "workflow.journaled" })
        fixture.time.jumpDate(by: .seconds(3_600))
        let engine = fixture.engine { _, context in
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add("one", tx) }
            return "done"
        }
        #expect(try await engine.runUntilIdle() == 0)
        isUntrusted.withLock { $0 = false }
        #expect(try await engine.runUntilIdle() == 1)
        #expect(try await fixture.outcome(engine) == .completed("done"))
    }

    @Test("dates and identifiers keep their first values")
    func values() async throws {
        let engine = fixture.engine { _, context in
            let date = try context.date("date")
            let id = try context.identifier("id")
            try await context.sleep("rest", for: .seconds(60))
            return "\(date) \(id.count)"
        }
        let date = fixture.time.date
        try await fixture.start(on: engine)
        try await engine.runUntilIdle()
        fixture.time.advance(by: .seconds(60))
        try await engine.runUntilIdle()
        #expect(try await fixture.outcome(engine) == .completed("\(date) 36"))
    }
}
