import MartletCore
import MartletTesting
import Testing

@testable import MartletResilience

@Suite("Bulkhead")
struct BulkheadTests {
    @Test("grants slots in FIFO order, and refuses beyond the queue")
    func order() {
        var stateMachine = Bulkhead.StateMachine(runningLimit: 1, waitingLimit: 2)
        let entries = (1...4).map { _ in stateMachine.enter("a") }
        #expect(entries == [.run, .wait(1), .wait(2), .refuse])
        let first = stateMachine.leave("a")
        #expect(first == 1)
        #expect(stateMachine.running == 1)
        stateMachine.start(1)
        let second = stateMachine.leave("a")
        #expect(second == 2)
        stateMachine.start(2)
        let none = stateMachine.leave("a")
        #expect(none == nil)
        #expect(stateMachine.running == 0)
    }

    @Test("passes on the slot of a waiter that stops waiting as its slot is granted")
    func abandonedGrant() {
        var stateMachine = Bulkhead.StateMachine(runningLimit: 1, waitingLimit: 2)
        for _ in 1...3 { _ = stateMachine.enter("a") }
        _ = stateMachine.leave("a")
        let next = stateMachine.abandon(1, of: "a")
        #expect(next == 2)
        stateMachine.start(2)
        let none = stateMachine.leave("a")
        #expect(none == nil)
        #expect(stateMachine.running == 0)
    }

    @Test("removes a waiter that stops waiting from the queue")
    func abandonedWaiter() {
        var stateMachine = Bulkhead.StateMachine(runningLimit: 1, waitingLimit: 1)
        for _ in 1...2 { _ = stateMachine.enter("a") }
        let next = stateMachine.abandon(1, of: "a")
        #expect(next == nil)
        let entry = stateMachine.enter("a")
        #expect(entry == .wait(2))
    }

    @Test("contention: runs every call once, never more than the limit concurrently")
    func contention() async throws {
        let bulkhead = Bulkhead(runningLimit: 3, waitingLimit: 200, time: ManualTime())
        let most = await withTaskGroup(of: Int.self) { group in
            for _ in 1...100 {
                group.addTask {
                    // A refusal would show as 99.
                    (try? await bulkhead.run(as: "a", until: nil) {
                        await Task.yield()
                        return bulkhead.running
                    }) ?? 99
                }
            }
            return await group.reduce(0, max)
        }
        #expect(most <= 3)
        #expect(bulkhead.running == 0)
    }

    @Test("releases the slot of a failed and of a cancelled call")
    func failure() async throws {
        struct Broken: Error {}
        let bulkhead = Bulkhead(runningLimit: 1, waitingLimit: 0, time: ManualTime())
        for _ in 1...3 {
            await #expect(throws: Broken.self) { try await bulkhead.run(as: "a", until: nil) { throw Broken() } }
            await #expect(throws: CancellationError.self) {
                try await bulkhead.run(as: "a", until: nil) { throw CancellationError() }
            }
            #expect(bulkhead.running == 0)
        }
        #expect(try await bulkhead.run(as: "a", until: nil) { 1 } == 1)
    }

    @Test("a call whose deadline passes in the queue fails and frees its position")
    func deadline() async throws {
        let time = ManualTime()
        let bulkhead = Bulkhead(runningLimit: 1, waitingLimit: 1, time: time)
        let code = try await bulkhead.run(as: "a", until: nil) {
            async let waiter: FaultCode? = {
                do {
                    return try await bulkhead.run(as: "a", until: time.now + .seconds(1)) { nil }
                } catch { return Fault(describing: error).code }
            }()
            await time.waitForSleepers()
            time.advance(by: .seconds(1))
            return await waiter
        }
        #expect(code == .deadlineExceeded)
        #expect(bulkhead.running == 0)
        #expect(try await bulkhead.run(as: "a", until: nil) { 1 } == 1)
    }

    @Test("one caller leaves slots and places in the queue to others, whose calls go first")
    func callers() {
        var stateMachine = Bulkhead.StateMachine(runningLimit: 8, waitingLimit: 8)
        let most = (1...20).map { _ in stateMachine.enter("busy") }
        #expect(most.count { $0 == .run } == 6)
        #expect(most.count { $0 == .refuse } == 8)
        let others = ["b", "c", "d", "e"].map { stateMachine.enter(ExactText($0)) }
        #expect(others == [.run, .run, .wait(7), .wait(8)])
        let first = stateMachine.leave("busy")
        let second = stateMachine.leave("busy")
        #expect([first, second] == [7, 8])
        let third = stateMachine.leave("b")
        #expect(third == nil)
        let fourth = stateMachine.leave("c")
        let fifth = stateMachine.leave("d")
        #expect([fourth, fifth] == [nil, 1])
        #expect(stateMachine.running == 6)
    }

    @Test("a call that must wait and has too little time fails immediately, and was not made")
    func tooLate() async throws {
        let time = ManualTime()
        let bulkhead = Bulkhead(runningLimit: 1, waitingLimit: 1, time: time)
        let fault = try await bulkhead.run(as: "a", until: nil) {
            do {
                return try await bulkhead.run(as: "b", until: time.now) { Fault?.none }
            } catch { return Fault(describing: error) }
        }
        #expect(fault?.code == .deadlineExceeded)
        #expect(fault?.isNotProcessed == true)
        #expect(bulkhead.running == 0)
    }
}
