import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletWorkflows

@Suite("A workflow engine", .timeLimit(.minutes(1)))
struct EngineTests {
    let world: World

    init() async throws { world = try await World() }

    /// Runs `body` beside the engine's loop, once that has come to rest; then stops the loop.
    private func running(_ engine: WorkflowEngine, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            await world.time.waitForSleepers(1)
            try await body()
            group.cancelAll()
        }
    }

    private var soon: Moment { world.time.now + .seconds(1) }

    @Test("starts a run once, and not at all when the transaction fails")
    func start() async throws {
        let engine = world.engine { input, _ in input }
        await #expect(throws: Fault.self) {
            try await world.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(Scripted.self, id: "r", input: "in", principal: "", in: tx)
                throw Fault.declined
            }
        }
        #expect(try await world.outcome(engine) == nil)
        #expect(try await world.start(on: engine))
        #expect(try await world.start(on: engine, "other") == false)
        #expect(try await engine.runUntilIdle() == 1)
        #expect(try await world.outcome(engine) == .completed("in"))
        #expect(try await world.start(on: engine, "other") == false)
    }

    @Test("refuses to start what it does not know")
    func unknown() async throws {
        let engine = world.engine { input, _ in input }
        await #expect(throws: WorkflowNotRegistered(key: "scripted@2")) {
            try await world.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(ScriptedNext.self, id: "r", input: "in", principal: "", in: tx)
            }
        }
    }

    @Test("needs n + 1 transactions, besides the one that starts it, for a chain of n remote steps")
    func transactions() async throws {
        let peer = world.peer
        let engine = world.engine { _, context in
            for step in 1...5 { try await context.remote("step-\(step)", input: step) { try peer.call($0) } }
            return "done"
        }
        try await running(engine) {
            world.database.count.reset()
            try await world.start(on: engine)
            let outcome = try await engine.settled("r", as: Scripted.self, until: soon)
            #expect(outcome == .completed("done"))
            #expect(world.database.count.value == 1 + 5 + 1)
        }
        #expect(peer.calls.count == 5)
    }

    @Test("takes over at its start what a dead process held, on a database that one process owns")
    func bootEpoch() async throws {
        let peer = world.peer
        let body: @Sendable (String, WorkflowContext) async throws -> String = { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        let dead = world.engine(killedAt: { $0 == "workflow.called" }, body)
        try await world.start(on: dead)
        try await dead.runUntilIdle()
        let engine = world.engine(body)
        #expect(try await engine.runUntilIdle() == 0)

        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            let outcome = try await engine.settled("r", as: Scripted.self, until: soon)
            #expect(outcome == .completed("did r/one"))
            group.cancelAll()
        }
        #expect(peer.calls == ["r/one", "r/one"])
        #expect(peer.effects == ["r/one"])
    }

    @Test("refuses what a process writes whose run another has claimed")
    func zombie() async throws {
        var world = world
        world.limits.attemptTimeout = .seconds(3_600)
        let (peer, time, lease) = (world.peer, world.time, world.limits.lease)
        let second = world.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
            try await context.local("two") { (tx: borrowing SQLTransaction) in try add("second", tx) }
            return "second"
        }
        let first = world.engine { _, context in
            try await context.remote("one", input: "x") { call in
                let answer = try peer.call(call)
                // Meanwhile the lease ends, and the other process goes all the way.
                time.advance(by: lease)
                try await second.runUntilIdle()
                return answer
            }
            try await context.local("two") { (tx: borrowing SQLTransaction) in try add("first", tx) }
            return "first"
        }
        try await world.start(on: first)
        try await first.runUntilIdle()
        #expect(try await world.outcome(first) == .completed("second"))
        #expect(try await world.effects() == ["second=1"])
        #expect(peer.calls == ["r/one", "r/one"])
    }

    @Test("goes on with what its database interrupted, although the lease has not ended")
    func interrupted() async throws {
        let outages = Mutex(3)
        let (database, failing) = (world.database, world.limits.journalAttemptsLimit)
        let engine = world.engine { _, context in
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
        try await world.start(on: engine)
        #expect(try await engine.runUntilIdle() == 4)
        #expect(try await world.outcome(engine) == .completed("done"))
        #expect(try await world.effects() == ["step=1"])
    }

    @Test("keeps a lease while it executes")
    func renewal() async throws {
        var world = world
        world.limits.attemptTimeout = .seconds(3_600)
        let (peer, time, third) = (world.peer, world.time, world.limits.lease / 3)
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x") { call in
                try await time.sleep(for: .seconds(100))
                return try peer.call(call)
            }
        }
        let other = world.engine { _, _ in "stolen" }
        try await running(engine) {
            try await world.start(on: engine)
            for _ in 0..<9 {
                // The call and its deadline, the renewal, the loop.
                await time.waitForSleepers(4)
                time.advance(by: third)
                await time.waitForSleepers(4)
                #expect(try await other.runUntilIdle() == 0)
            }
            time.advance(by: third)
            let outcome = try await engine.settled("r", as: Scripted.self, until: time.now + .seconds(1))
            #expect(outcome == .completed("did r/one"))
        }
    }

    @Test("gives its runs back when it stops, and the next process asks with the same key")
    func stop() async throws {
        let (peer, time) = (world.peer, world.time)
        let engine = world.engine { _, context in
            try await context.remote("one", input: "x") { call in
                _ = try peer.call(call)
                try await time.sleep(for: .seconds(5))
                return "too late"
            }
        }
        try await running(engine) {
            try await world.start(on: engine)
            await time.waitForSleepers(4)
        }
        let run = try #require(try await engine.operations.show("r")?.run)
        #expect(run.state == .open)
        #expect(!run.isRunning)

        let next = world.engine { _, context in
            try await context.remote("one", input: "x") { try peer.call($0) }
        }
        #expect(try await next.runUntilIdle() == 1)
        #expect(try await world.outcome(next) == .completed("did r/one"))
        #expect(peer.calls == ["r/one", "r/one"])
    }

    @Test("executes no more runs at once than its limit, and all of them in the end")
    func concurrency() async throws {
        var world = world
        world.limits.concurrencyLimit = 2
        let engine = world.engine { input, context in
            try await context.local("one") { (tx: borrowing SQLTransaction) in try add(input, tx) }
            return input
        }
        try await running(engine) {
            for number in 0..<10 {
                try await world.database.transaction { (tx: borrowing SQLTransaction) in
                    try engine.start(Scripted.self, id: "r-\(number)", input: "\(number)", principal: "", in: tx)
                }
            }
            for number in 0..<10 {
                let outcome = try await engine.settled("r-\(number)", as: Scripted.self, until: soon)
                #expect(outcome == .completed("\(number)"))
            }
        }
        #expect(try await world.effects() == (0..<10).map { "\($0)=1" })
    }

    @Test("takes on no more while as many wait as may, whoever started them, and again when some are begun")
    func admission() async throws {
        var world = world
        world.limits.concurrencyLimit = 1
        world.limits.waitingLimit = 2
        let (peer, gate) = (world.peer, Signal())
        let body: @Sendable (String, WorkflowContext) async throws -> String = { input, context in
            try await context.remote("one", input: input) { call in
                if input == "0" { try await gate.wait() }
                return try peer.call(call)
            }
        }
        func start(_ number: Int, on engine: WorkflowEngine) async throws {
            try engine.admit()
            try await world.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(Scripted.self, id: "r-\(number)", input: "\(number)", principal: "", in: tx)
            }
        }
        let engine = world.engine(body)
        try await running(engine) {
            for number in 0...2 { try await start(number, on: engine) }
            #expect(throws: WorkflowsFull.self) { try engine.admit() }
        }
        let next = world.engine(body)
        try await running(next) {
            // The call's deadline and the renewal of its lease: it has claimed what there is a place for, and counted the others.
            await world.time.waitForSleepers(2)
            #expect(throws: WorkflowsFull.self) { try next.admit() }
            gate.raise()
            _ = try await next.settled("r-1", as: Scripted.self, until: soon)
            try await start(3, on: next)
            for number in 0...3 {
                let outcome = try await next.settled("r-\(number)", as: Scripted.self, until: soon)
                #expect(outcome == .completed("did r-\(number)/one"))
            }
        }
        #expect(peer.calls == (0...3).map { "r-\($0)/one" })
    }

    @Test("leaves runs of versions that it does not know to others")
    func versions() async throws {
        let engine = world.engine { input, _ in input }
        try await world.start(on: engine)
        let next = world.engine(of: RegisteredWorkflow(ScriptedNext()))
        #expect(try await next.runUntilIdle() == 0)
        #expect(
            try await next.operations.counts() == [
                WorkflowCount(workflow: "scripted", version: 1, state: .open, count: 1)
            ]
        )
        #expect(try await engine.runUntilIdle() == 1)
    }

    @Test("parks a run whose function no longer fits its journal", arguments: ["name", "input", "kind", "fewer"])
    func mismatch(change: String) async throws {
        let killed = world.engine(killedAt: { $0 == "workflow.called" }) { _, context in
            try await context.local("one", input: 1) { (tx: borrowing SQLTransaction) in try add("one", tx) }
            try await context.remote("two", input: 2) { _ in "two" }
            return "done"
        }
        try await world.start(on: killed)
        try await killed.runUntilIdle()
        world.time.advance(by: world.limits.lease)
        let engine = world.engine { _, context in
            switch change {
            case "name": try await context.local("uno", input: 1) { (_: borrowing SQLTransaction) in }
            case "input": try await context.local("one", input: 2) { (_: borrowing SQLTransaction) in }
            case "kind": try await context.remote("one", input: 1) { _ in "one" }
            default: break
            }
            return "done"
        }
        try await engine.runUntilIdle()
        guard case .needsHuman(let reason) = try await world.outcome(engine) else { return #expect(Bool(false)) }
        #expect(reason.hasPrefix("mismatch: "))
        #expect(try await world.effects() == ["one=1"])
    }

    @Test("parks a run that kills its process again and again")
    func poison() async throws {
        var world = world
        world.limits.attemptsLimit = 3
        for _ in 0..<3 {
            let engine = world.engine(killedAt: { $0 == "workflow.called" }) { _, context in
                try await context.remote("one", input: "x") { _ in "done" }
            }
            try await world.start(on: engine)
            try await engine.runUntilIdle()
            world.time.advance(by: world.limits.lease)
        }
        let engine = world.engine { input, _ in input }
        try await engine.runUntilIdle()
        #expect(
            try await world.outcome(engine) == .needsHuman(reason: "3 executions ended without any progress")
        )
    }

    @Test("lists runs by state in pages, newest first, and deletes what ended long ago")
    func operations() async throws {
        let engine = world.engine { input, _ in input }
        for number in 0..<5 {
            world.time.advance(by: .seconds(1))
            try await world.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(Scripted.self, id: "r-\(number)", input: "in", principal: "", in: tx)
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

        world.time.advance(by: WorkflowEngine.finishedRetention)
        #expect(try await engine.purge() == 0)
        try await engine.runUntilIdle()
        world.time.advance(by: WorkflowEngine.finishedRetention + .seconds(1))
        #expect(try await engine.purge(limit: 3) == 3)
        #expect(try await engine.purge(limit: 3) == 2)
        #expect(try await operations.list().isEmpty)
    }
}
