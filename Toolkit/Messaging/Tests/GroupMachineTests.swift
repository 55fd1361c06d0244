import MartletCore
import Testing

@testable import MartletMessaging

@Suite("A group's machine")
struct GroupMachineTests {
    var machine = GroupMachine([(floor: 0, done: RangeSet(), head: 3), (floor: 0, done: RangeSet(), head: 2)])
    let start = Moment(nanoseconds: 0)

    private func offsets(_ handouts: [GroupMachine.Handout], in partition: Int) -> [Int64] {
        handouts.filter { $0.id.partition == partition }.map(\.id.offset)
    }

    @Test("hands out each offset once, in order, up to the window")
    mutating func window() {
        machine.join(1)
        let first = machine.take(for: 1, limit: 10, window: 4, at: start)
        let second = machine.take(for: 1, limit: 10, window: 4, at: start)
        #expect(first.count == 4)
        #expect(second.isEmpty)

        let fresh = machine.acknowledge([first[0].id])
        let third = machine.take(for: 1, limit: 10, window: 4, at: start)
        #expect(fresh == [first[0].id])
        #expect(offsets(first + third, in: 0) == [1, 2, 3])
        #expect(offsets(first + third, in: 1) == [1, 2])
    }

    @Test("keeps a partition with its member until nothing of it is out")
    mutating func handover() {
        machine.join(1)
        let held = machine.take(for: 1, limit: 10, window: 10, at: start)
        machine.join(2)
        machine.published(1, head: 3)
        let early = machine.take(for: 2, limit: 10, window: 10, at: start)
        #expect(early.isEmpty)

        _ = machine.acknowledge(held.map(\.id))
        let late = machine.take(for: 2, limit: 10, window: 10, at: start)
        #expect(late.map(\.id) == [DeliveryID(partition: 1, offset: 3)])
    }

    @Test("hands out again what came back, when it is due, with its attempts counted")
    mutating func returned() {
        machine.join(1)
        let held = machine.take(for: 1, limit: 1, window: 10, at: start)
        machine.giveBack(held.map(\.id), from: 1, due: start + .seconds(5))
        #expect(machine.nextLook(for: 1, holding: .seconds(60), after: start) == start + .seconds(5))

        let others = machine.take(for: 1, limit: 10, window: 10, at: start + .seconds(4))
        let again = machine.take(for: 1, limit: 10, window: 10, at: start + .seconds(5))
        #expect(others.count == 4)
        #expect(again == [GroupMachine.Handout(id: held[0].id, attempt: 2)])
    }

    @Test("ignores what a member gives back that it does not hold")
    mutating func foreign() {
        machine.join(1)
        let held = machine.take(for: 1, limit: 1, window: 10, at: start)
        machine.giveBack(held.map(\.id), from: 2, due: start)
        machine.giveBack([DeliveryID(partition: 9, offset: 1)], from: 1, due: start)
        #expect(machine.nextLook(for: 1, holding: .seconds(60), after: start) == start + .seconds(60))
        let unknown = machine.acknowledge([DeliveryID(partition: 0, offset: 99), DeliveryID(partition: -1, offset: 1)])
        #expect(unknown.isEmpty)
    }

    @Test("raises its floor over what is done without a gap")
    mutating func floor() {
        machine.join(1)
        let held = machine.take(for: 1, limit: 10, window: 10, at: start).map(\.id).filter { $0.partition == 0 }
        _ = machine.acknowledge([held[2]])
        #expect(machine.floors[0] == 0)
        #expect(machine.done(in: 0) == [3..<4])
        _ = machine.acknowledge([held[0], held[1]])
        #expect(machine.floors[0] == 3)
        #expect(machine.acknowledged == 3)
    }

    @Test("keeps one range, not each offset, of what is done behind one that is not")
    mutating func unfillable() {
        machine.published(0, head: 2_000)
        machine.join(1)
        let held = machine.take(for: 1, limit: 2_000, window: 2_000, at: start).map(\.id).filter { $0.partition == 0 }
        _ = machine.acknowledge(held.dropFirst().reversed())
        #expect(machine.floors[0] == 0)
        #expect(machine.done(in: 0) == [2..<held[held.count - 1].offset + 1])

        _ = machine.acknowledge([held[0]])
        #expect(machine.floors[0] == Int64(held.count))
        #expect(machine.done(in: 0) == [])
    }

    @Test("hands out only so far ahead of the oldest that is not done")
    func ahead() {
        let limit = GroupMachine.aheadLimit
        var machine = GroupMachine([(floor: 0, done: RangeSet(2..<limit), head: limit + 2)])
        machine.join(1)
        let held = machine.take(for: 1, limit: 10, window: 10, at: start)
        #expect(held.map(\.id.offset) == [1, limit])

        _ = machine.acknowledge([held[0].id])
        let rest = machine.take(for: 1, limit: 10, window: 10, at: start)
        #expect(rest.map(\.id.offset) == [limit + 1, limit + 2])
    }

    @Test("lets who waits look again when another has held a delivery for too long")
    mutating func late() {
        machine.join(1)
        machine.join(2)
        #expect(machine.nextLook(for: 2, holding: .seconds(60), after: start) == nil)
        _ = machine.take(for: 1, limit: 1, window: 10, at: start)
        let end = start + .seconds(60)
        #expect(machine.nextLook(for: 2, holding: .seconds(60), after: start) == end)
        #expect(machine.late(after: .seconds(60), at: end + .nanoseconds(-1)) == [])
        #expect(machine.late(after: .seconds(60), at: end) == [1])
    }
}
