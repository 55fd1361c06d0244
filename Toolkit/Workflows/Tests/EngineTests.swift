import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletWorkflows

@Suite("Workflow engine", .timeLimit(.minutes(HangLimit.testMinutes)))
struct EngineTests {
    let fixture: WorkflowFixture

    init() async throws { fixture = try await WorkflowFixture() }

    /// Runs `body` concurrently with the engine's loop, once that is idle; then stops the loop.
    private func running(_ engine: WorkflowEngine, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            await fixture.time.waitForSleepers(1)
            try await body()
            group.cancelAll()
        }
    }

    private var soon: Moment { fixture.time.now + .seconds(1) }

    @Test("start: once per id, and not at all when the transaction fails")
    func start() async throws {
        let engine = fixture.engine { input, _ in input }
        await #expect(throws: Fault.self) {
            try await fixture.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(Scripted.self, id: "r", input: "in", for: .itself, in: tx)
                throw Fault.declined
            }
        }
        #expect(try await fixture.outcome(engine) == nil)
        #expect(try await fixture.start(on: engine))
        #expect(try await fixture.start(on: engine, "other") == false)
        #expect(try await engine.runUntilIdle() == 1)
        #expect(try await fixture.outcome(engine) == .completed("in"))
        #expect(try await fixture.start(on: engine, "other") == false)
    }

    @Test("start: refuses a version that is not registered")
    func unknown() async throws {
        let engine = fixture.engine { input, _ in input }
        await #expect(throws: WorkflowNotRegistered(key: "scripted@2")) {
            try await fixture.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(ScriptedNext.self, id: "r", input: "in", for: .itself, in: tx)
            }
        }
    }

    @Test("n remote steps need n + 1 transactions, besides the one that starts the run")
    func transactions() async throws {
        let peer = fixture.peer
        let engine = fixture.engine { _, context in
            for step in 1...5 { try await context.remote("step-\(step)", input: step) { try peer.call($0) } }
            return "done"
        }
        try await running(engine) {
            fixture.database.count.reset()
            try await fixture.start(on: engine)
            let outcome = try await engine.waitForOutcome(of: "r", as: Scripted.self, until: soon)
            #expect(outcome == .completed("done"))
            #expect(fixture.database.count.value == 1 + 5 + 1)
        }
        #expect(peer.calls.count == 5)
    }

    @Test("on a database with one owner, takes over the runs of the previous process at its start")
    func takeover() async throws {
        let peer = fixture.peer
        let body: @Sendable (String, WorkflowContext) async throws -> String = { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        let previous = fixture.engine(body)
        try await fixture.start(on: previous)
        try await fixture.run(previous, killedAt: { $0 == "workflow.called" })
        let engine = fixture.engine(body)
        #expect(try await engine.runUntilIdle() == 0)

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            let outcome = try await engine.waitForOutcome(of: "r", as: Scripted.self, until: soon)
            #expect(outcome == .completed("did r/one"))
            group.cancelAll()
        }
        #expect(peer.calls == ["r/one", "r/one"])
        #expect(peer.effects == ["r/one"])
    }

    @Test("fencing: refuses the writes of a process whose run another one has claimed")
    func zombie() async throws {
        var fixture = fixture
        fixture.limits.attemptTimeout = .seconds(3_600)
        let (peer, time, lease) = (fixture.peer, fixture.time, fixture.limits.lease)
        let second = fixture.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
            try await context.local("two") { (tx: borrowing SQLTransaction) in try add("second", tx) }
            return "second"
        }
        let first = fixture.engine { _, context in
            try await context.remote("one", input: "x") { call in
                let response = try peer.call(call)
                // Meanwhile the lease expires, and the other process completes the run.
                time.advance(by: lease)
                try await second.runUntilIdle()
                return response
            }
            try await context.local("two") { (tx: borrowing SQLTransaction) in try add("first", tx) }
            return "first"
        }
        try await fixture.start(on: first)
        try await first.runUntilIdle()
        #expect(try await fixture.outcome(first) == .completed("second"))
        #expect(try await fixture.effects() == ["second=1"])
        #expect(peer.calls == ["r/one", "r/one"])
    }

    @Test("resumes a run that a database outage interrupted before its lease expires")
    func interrupted() async throws {
        let outages = Mutex(3)
        let (database, failing) = (fixture.database, fixture.limits.journalAttemptsLimit)
        let engine = fixture.engine { _, context in
            let fails = outages.withLock { left in
                left -= 1
                return left >= 0
            }
            if fails { database.outage.begin(transactions: failing) }
            return try await context.local("step") { (tx: borrowing SQLTransaction) in
                try add("step", tx)
                return "done"
            }
        }
        try await fixture.start(on: engine)
        #expect(try await engine.runUntilIdle() == 4)
        #expect(try await fixture.outcome(engine) == .completed("done"))
        #expect(try await fixture.effects() == ["step=1"])
    }

    @Test("renews a lease during an execution")
    func renewal() async throws {
        var fixture = fixture
        fixture.limits.attemptTimeout = .seconds(3_600)
        let (peer, time, third) = (fixture.peer, fixture.time, fixture.limits.lease / 3)
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { call in
                try await time.sleep(for: .seconds(100))
                return try peer.call(call)
            }
        }
        let other = fixture.engine { _, _ in "stolen" }
        try await running(engine) {
            try await fixture.start(on: engine)
            for _ in 0..<9 {
                // The call and its deadline, the renewal, the loop.
                await time.waitForSleepers(4)
                time.advance(by: third)
                await time.waitForSleepers(4)
                #expect(try await other.runUntilIdle() == 0)
            }
            time.advance(by: third)
            let outcome = try await engine.waitForOutcome(of: "r", as: Scripted.self, until: time.now + .seconds(1))
            #expect(outcome == .completed("did r/one"))
        }
    }

    @Test("stop: releases its runs; the next process calls with the same key")
    func stop() async throws {
        let (peer, time) = (fixture.peer, fixture.time)
        let engine = fixture.engine { _, context in
            try await context.remote("one", input: "x") { call in
                _ = try peer.call(call)
                try await time.sleep(for: .seconds(5))
                return "too late"
            }
        }
        try await running(engine) {
            try await fixture.start(on: engine)
            await time.waitForSleepers(4)
        }
        let run = try #require(try await engine.operations.show("r")?.run)
        #expect(run.state == .open)
        #expect(!run.isRunning)

        let next = fixture.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        #expect(try await next.runUntilIdle() == 1)
        #expect(try await fixture.outcome(next) == .completed("did r/one"))
        #expect(peer.calls == ["r/one", "r/one"])
    }

    @Test("concurrency limit: executes all runs, never more than the limit concurrently")
    func concurrency() async throws {
        var fixture = fixture
        fixture.limits.concurrencyLimit = 2
        let engine = fixture.engine { input, context in
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add(input, tx) }
            return input
        }
        try await running(engine) {
            for number in 0..<10 {
                try await fixture.database.transaction { (tx: borrowing SQLTransaction) in
                    try engine.start(Scripted.self, id: "r-\(number)", input: "\(number)", for: .itself, in: tx)
                }
            }
            for number in 0..<10 {
                let outcome = try await engine.waitForOutcome(of: "r-\(number)", as: Scripted.self, until: soon)
                #expect(outcome == .completed("\(number)"))
            }
        }
        #expect(try await fixture.effects() == (0..<10).map { "\($0)=1" })
    }

    @Test("does not claim runs of versions that are not registered")
    func versions() async throws {
        let engine = fixture.engine { input, _ in input }
        try await fixture.start(on: engine)
        let next = fixture.engine(of: RegisteredWorkflow(ScriptedNext()))
        #expect(try await next.runUntilIdle() == 0)
        #expect(
            try await next.operations.counts() == [
                WorkflowCount(workflow: "scripted", version: 1, state: .open, count: 1)
            ]
        )
        #expect(try await engine.runUntilIdle() == 1)
    }

    @Test("parks a run whose function does not match its journal", arguments: ["name", "input", "kind", "fewer"])
    func mismatch(change: String) async throws {
        let killed = fixture.engine { _, context in
            try await context.local("one", input: 1) { (tx: borrowing SQLTransaction) in try add("one", tx) }
            try await context.remote("two", input: 2) { _ in "two" }
            return "done"
        }
        try await fixture.start(on: killed)
        try await fixture.run(killed, killedAt: { $0 == "workflow.called" })
        fixture.time.advance(by: fixture.limits.lease)
        let engine = fixture.engine { _, context in
            switch change {
            case "name": try await context.local("uno", input: 1) { (_: borrowing SQLTransaction) in }
            case "input": try await context.local("one", input: 2) { (_: borrowing SQLTransaction) in }
            case "kind": try await context.remote("one", input: 1) { _ in "one" }
            default: break
            }
            return "done"
        }
        try await engine.runUntilIdle()
        guard case .needsHuman(let reason) = try await fixture.outcome(engine) else { return #expect(Bool(false)) }
        #expect(reason.hasPrefix("mismatch: "))
        #expect(try await fixture.effects() == ["one=1"])
    }

    @Test("parks a run that kills its process repeatedly")
    func poison() async throws {
        var fixture = fixture
        fixture.limits.attemptsLimit = 3
        for _ in 0..<3 {
            let engine = fixture.engine { _, context in
                try await context.remote("one", input: "x") { _ in "done" }
            }
            try await fixture.start(on: engine)
            try await fixture.run(engine, killedAt: { $0 == "workflow.called" })
            fixture.time.advance(by: fixture.limits.lease)
        }
        let engine = fixture.engine { input, _ in input }
        try await engine.runUntilIdle()
        #expect(
            try await fixture.outcome(engine) == .needsHuman(reason: "3 executions ended without any progress")
        )
    }

    @Test("lists runs by state in pages, newest first; purges runs that ended before the retention")
    func operations() async throws {
        let engine = fixture.engine { input, _ in input }
        for number in 0..<5 {
            fixture.time.advance(by: .seconds(1))
            try await fixture.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(Scripted.self, id: "r-\(number)", input: "in", for: .itself, in: tx)
            }
        }
        let operations = engine.operations
        let first = try await operations.list(state: .open, limit: 2)
        let last = try #require(first.last)
        let second = try await operations.list(
            state: .open,
            after: WorkflowCursor(createdAt: last.createdAt, id: last.id),
            limit: 10
        )
        #expect(first.map(\.id) == ["r-4", "r-3"])
        #expect(second.map(\.id) == ["r-2", "r-1", "r-0"])

        fixture.time.advance(by: WorkflowEngine.finishedRetention)
        #expect(try await engine.purge() == 0)
        try await engine.runUntilIdle()
        fixture.time.advance(by: WorkflowEngine.finishedRetention + .seconds(1))
        #expect(try await engine.purge(limit: 3) == 3)
        #expect(try await engine.purge(limit: 3) == 2)
        #expect(try await operations.list().isEmpty)
    }
}
