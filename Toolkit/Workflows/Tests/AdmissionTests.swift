import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletWorkflows

@Suite("Admission", .timeLimit(.minutes(HangLimit.testMinutes)))
struct AdmissionTests {
    var fixture: WorkflowFixture
    private let gate = Signal()

    init() async throws {
        fixture = try await WorkflowFixture()
        fixture.limits.concurrencyLimit = 1
    }

    /// An engine whose run `0` waits for the gate in its step.
    private func engine() -> WorkflowEngine {
        let (peer, gate) = (fixture.peer, gate)
        return fixture.engine { input, context in
            try await context.remote("one", input: input) { call in
                if input == "0" { try await gate.wait() }
                return try peer.call(call)
            }
        }
    }

    private func start(_ number: Int, on engine: WorkflowEngine, within time: Duration? = nil) async throws {
        let deadline = time.map { fixture.time.now + $0 }
        let context = CallContext(deadline: deadline, principal: Principal(user: "ann", scopes: []))
        _ = try await engine.admit(context) {
            try await fixture.database.transaction { (tx: borrowing SQLTransaction) in
                try engine.start(Scripted.self, id: "r-\(number)", input: "\(number)", for: .itself, in: tx)
            }
        }
    }

    /// The fault with which a start is refused; `nil` when it is not.
    private func refusal(_ number: Int, on engine: WorkflowEngine, within time: Duration? = nil) async throws -> Fault?
    {
        do {
            try await start(number, on: engine, within: time)
            return nil
        } catch let full as WorkflowsFull {
            return full.fault
        }
    }

    /// The ids of the stored runs.
    private func stored(_ engine: WorkflowEngine) async throws -> [String] {
        try await engine.operations.list().map(\.id).sorted()
    }

    private func outcome(_ number: Int, of engine: WorkflowEngine) async throws -> WorkflowOutcome<String>? {
        try await engine.waitForOutcome(
            of: "r-\(number)",
            as: Scripted.self,
            until: fixture.time.now + .milliseconds(1)
        )
    }

    /// Runs `body` once the loop of `engine` executes the run `0`; then stops the loop.
    private func saturated(_ engine: WorkflowEngine, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            await fixture.time.waitForSleepers(1)
            try await start(0, on: engine)
            try await body()
            group.cancelAll()
        }
    }

    private func waitForWaiters(_ count: Int, of engine: WorkflowEngine) async {
        while engine.admission.waiting != count { await Task.yield() }
    }

    @Test("a request waits until a run ends, without a transaction, and is admitted then")
    func admitted() async throws {
        let engine = engine()
        try await saturated(engine) {
            async let second = refusal(1, on: engine)
            await waitForWaiters(1, of: engine)
            #expect(try await stored(engine) == ["r-0"])
            gate.raise()
            let fault = try await second
            #expect(fault == nil)
            #expect(try await outcome(1, of: engine) == .completed("did r-1/one"))
            while engine.admission.open > 0 { await Task.yield() }
            #expect(engine.admission.refused == 0)
        }
    }

    @Test("a request that waits too long is refused, may be retried, and stores nothing")
    func late() async throws {
        let engine = engine()
        try await saturated(engine) {
            async let second = refusal(1, on: engine)
            await waitForWaiters(1, of: engine)
            fixture.time.advance(by: fixture.limits.admissionWaitMax)
            let fault = try await second
            #expect(fault?.code == .resourceExhausted)
            #expect(fault?.retryAfter == .seconds(2))
            #expect(try await stored(engine) == ["r-0"])
            #expect(engine.admission.refused == 1)
            #expect(engine.admission.waiting == 0)
        }
    }

    @Test("a request waits at most half of the time that its caller has left")
    func deadline() async throws {
        let engine = engine()
        try await saturated(engine) {
            async let second = refusal(1, on: engine, within: .seconds(1))
            await waitForWaiters(1, of: engine)
            fixture.time.advance(by: .milliseconds(499))
            #expect(engine.admission.waiting == 1)
            fixture.time.advance(by: .milliseconds(1))
            let fault = try await second
            #expect(fault != nil)
            #expect(try await stored(engine) == ["r-0"])
        }
    }

    @Test("a cancelled request gives its place to the next one")
    func cancelled() async throws {
        let engine = engine()
        try await saturated(engine) {
            await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do { try await start(1, on: engine) } catch { return error is CancellationError }
                    return false
                }
                await waitForWaiters(1, of: engine)
                group.cancelAll()
                #expect(await group.next() == true)
            }
            #expect(engine.admission.waiting == 0)
            async let third = refusal(2, on: engine)
            await waitForWaiters(1, of: engine)
            gate.raise()
            let fault = try await third
            #expect(fault == nil)
            #expect(try await outcome(2, of: engine) == .completed("did r-2/one"))
        }
        #expect(try await stored(engine) == ["r-0", "r-2"])
    }

    @Test("stop: requests that wait are refused; later ones are stored for the next process")
    func stop() async throws {
        let engine = engine()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            await fixture.time.waitForSleepers(1)
            try await start(0, on: engine)
            async let second = refusal(1, on: engine)
            await waitForWaiters(1, of: engine)
            group.cancelAll()
            let fault = try await second
            #expect(fault?.reason == .overloaded)
        }
        try await start(2, on: engine)
        #expect(try await stored(engine) == ["r-0", "r-2"])
    }

    @Test("a request that fails returns its room")
    func failed() async throws {
        let engine = fixture.engine { input, _ in input }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            await fixture.time.waitForSleepers(1)
            for _ in 1...3 {
                await #expect(throws: Fault.self) {
                    _ = try await engine.admit(CallContext()) { () async throws -> Int in throw Fault.declined }
                }
            }
            #expect(engine.admission.open == 0)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test("runs whose callee does not respond take no room: others are stored up to the limit")
    func outage() async throws {
        var fixture = fixture
        fixture.limits.concurrencyLimit = 2
        fixture.limits.waitingLimit = 3
        fixture.limits.retryDelayMin = .seconds(1)
        let peer = fixture.peer
        let isDown = Mutex(true)
        let engine = fixture.engine { input, context in
            try await context.remote("one", input: input) { call in
                if isDown.withLock({ $0 }) { throw Fault.lost }
                return try peer.call(call)
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            await fixture.time.waitForSleepers(1)
            for number in 0...1 {
                try await start(number, on: engine)
                while engine.admission.open > 0 { await Task.yield() }
            }
            // The delays of both steps, and the renewal of leases.
            await fixture.time.waitForSleepers(3)
            // Two are claimed without a slot, three are stored.
            for number in 2...6 { try await start(number, on: engine) }
            #expect(try await refusal(7, on: engine)?.reason == .overloaded)
            #expect(engine.admission.waiting == 0)
            #expect(try await stored(engine).count == 7)

            isDown.withLock { $0 = false }
            fixture.time.advance(by: .seconds(1))
            for number in 2...6 {
                #expect(try await outcome(number, of: engine) == .completed("did r-\(number)/one"))
            }
            while engine.admission.open > 0 { await Task.yield() }
            group.cancelAll()
        }
    }

    @Test("a request that waits is admitted when runs are claimed whose callee did not respond")
    func claimedInOutage() async throws {
        var fixture = fixture
        fixture.limits.concurrencyLimit = 2
        fixture.limits.retryDelayMin = .seconds(1)
        fixture.limits.releasingDelayMin = .zero
        let (peer, gate, entered) = (fixture.peer, gate, Signal())
        let body: @Sendable (String, WorkflowContext) async throws -> String = { input, context in
            try await context.remote("one", input: input) { call in
                if input == "0", !peer.calls.isEmpty {
                    entered.raise()
                    try await gate.wait()
                }
                return try peer.call(call)
            }
        }
        // The run was suspended after a failed attempt.
        peer.fail("r/one", [.lost])
        let earlier = fixture.engine(body)
        try await fixture.start(on: earlier, "0")
        try await earlier.runUntilIdle()
        let engine = fixture.engine(body)
        let placing = [Signal(), Signal()]
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            await fixture.time.waitForSleepers(1)
            for signal in placing {
                group.addTask { try await engine.admit(CallContext()) { try await signal.wait() } }
            }
            while engine.admission.open < 2 { await Task.yield() }
            async let third = refusal(1, on: engine)
            await waitForWaiters(1, of: engine)
            fixture.time.advance(by: .seconds(1))
            try await entered.wait()
            #expect(engine.admission.waiting == 0)

            for signal in placing { signal.raise() }
            gate.raise()
            let fault = try await third
            #expect(fault == nil)
            while engine.admission.open > 0 { await Task.yield() }
            group.cancelAll()
        }
    }
}
