import Testing

@testable import MartletCore

@Suite("Fair slots")
struct FairSlotsTests {
    @Test("are granted in FIFO order, and refused beyond the queue")
    func order() {
        var stateMachine = FairSlots.StateMachine(runningLimit: 1, waitingLimit: 2)
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
        var stateMachine = FairSlots.StateMachine(runningLimit: 1, waitingLimit: 2)
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
        var stateMachine = FairSlots.StateMachine(runningLimit: 1, waitingLimit: 1)
        for _ in 1...2 { _ = stateMachine.enter("a") }
        let next = stateMachine.abandon(1, of: "a")
        #expect(next == nil)
        let entry = stateMachine.enter("a")
        #expect(entry == .wait(2))
    }

    @Test("one caller leaves slots and places in the queue to others, whose calls go first")
    func callers() {
        var stateMachine = FairSlots.StateMachine(runningLimit: 8, waitingLimit: 8)
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
}
