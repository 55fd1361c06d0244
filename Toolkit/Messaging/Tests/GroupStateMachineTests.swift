import MartletCore
import Testing

@testable import MartletMessaging

@Suite("Group state machine")
struct GroupStateMachineTests {
    @Test("goes back: what was done or in flight is delivered again, and earlier deliveries cannot be acknowledged")
    func rewind() {
        var group = GroupStateMachine([(floor: 1, done: RangeSet([3..<4]), head: 4)])
        let now = Moment(nanoseconds: 0)
        group.join(1)
        let before = group.poll(for: 1, limit: 10, window: 10, at: now)
        group.rewind(to: [0])
        let early = group.acknowledge(before.map(\.id))
        let after = group.poll(for: 1, limit: 10, window: 10, at: now)
        let done = group.acknowledge(after.map(\.id))
        #expect(before.map(\.id.offset) == [2, 4])
        #expect(early == [])
        #expect(after.map(\.id.offset) == [1, 2, 3, 4])
        #expect(done.count == 4)
        #expect(group.floors == [4])
    }

    var group = GroupStateMachine([(floor: 0, done: RangeSet(), head: 3), (floor: 0, done: RangeSet(), head: 2)])
    let start = Moment(nanoseconds: 0)

    private func offsets(_ dispatches: [GroupStateMachine.Dispatch], in partition: Int) -> [Int64] {
        dispatches.filter { $0.id.partition == partition }.map(\.id.offset)
    }

    @Test("delivers each offset once, in order, up to the window")
    mutating func window() {
        group.join(1)
        let first = group.poll(for: 1, limit: 10, window: 4, at: start)
        let second = group.poll(for: 1, limit: 10, window: 4, at: start)
        #expect(first.count == 4)
        #expect(second.isEmpty)

        let fresh = group.acknowledge([first[0].id])
        let third = group.poll(for: 1, limit: 10, window: 4, at: start)
        #expect(fresh == [first[0].id])
        #expect(offsets(first + third, in: 0) == [1, 2, 3])
        #expect(offsets(first + third, in: 1) == [1, 2])
    }

    @Test("a partition stays with its member while any of it is in flight")
    mutating func handover() {
        group.join(1)
        let inFlight = group.poll(for: 1, limit: 10, window: 10, at: start)
        group.join(2)
        group.published(1, head: 3)
        let early = group.poll(for: 2, limit: 10, window: 10, at: start)
        #expect(early.isEmpty)

        _ = group.acknowledge(inFlight.map(\.id))
        let late = group.poll(for: 2, limit: 10, window: 10, at: start)
        #expect(late.map(\.id) == [DeliveryID(partition: 1, offset: 3)])
    }

    @Test("with a backlog, a partition moves to a new member as soon as what was in flight is done")
    mutating func handoverUnderBacklog() {
        group.published(0, head: 1_000)
        group.published(1, head: 1_000)
        group.join(1)
        var inFlight = group.poll(for: 1, limit: 10, window: 20, at: start)
        inFlight += group.poll(for: 1, limit: 10, window: 20, at: start)
        group.join(2)
        var moved: [GroupStateMachine.Dispatch] = []
        // The first member never has nothing in flight.
        for _ in 0..<30 where moved.isEmpty {
            _ = group.acknowledge([inFlight.removeFirst().id])
            inFlight += group.poll(for: 1, limit: 10, window: 20, at: start)
            moved = group.poll(for: 2, limit: 10, window: 10, at: start)
        }
        #expect(moved.first?.id.partition == 1)
        #expect(!inFlight.isEmpty)
        let rest = group.poll(for: 1, limit: 10, window: 100, at: start)
        #expect(offsets(rest, in: 0).count == 10)
    }

    @Test("redelivers when the delay is over, with the attempt count increased")
    mutating func redelivered() {
        group.join(1)
        let inFlight = group.poll(for: 1, limit: 1, window: 10, at: start)
        group.redeliver(inFlight.map(\.id), from: 1, due: start + .seconds(5))
        #expect(group.nextPoll(for: 1, timeout: .seconds(60), after: start) == start + .seconds(5))

        let others = group.poll(for: 1, limit: 10, window: 10, at: start + .seconds(4))
        let again = group.poll(for: 1, limit: 10, window: 10, at: start + .seconds(5))
        #expect(others.count == 4)
        #expect(again == [GroupStateMachine.Dispatch(id: inFlight[0].id, attempt: 2)])
    }

    @Test("ignores redelivery requests for deliveries of other members")
    mutating func foreign() {
        group.join(1)
        let inFlight = group.poll(for: 1, limit: 1, window: 10, at: start)
        group.redeliver(inFlight.map(\.id), from: 2, due: start)
        group.redeliver([DeliveryID(partition: 9, offset: 1)], from: 1, due: start)
        #expect(group.nextPoll(for: 1, timeout: .seconds(60), after: start) == start + .seconds(60))
        let unknown = group.acknowledge([DeliveryID(partition: 0, offset: 99), DeliveryID(partition: -1, offset: 1)])
        #expect(unknown.isEmpty)
    }

    @Test("raises the floor over done offsets without a gap")
    mutating func floor() {
        group.join(1)
        let inFlight = group.poll(for: 1, limit: 10, window: 10, at: start).map(\.id).filter { $0.partition == 0 }
        _ = group.acknowledge([inFlight[2]])
        #expect(group.floors[0] == 0)
        #expect(group.done(in: 0) == [3..<4])
        _ = group.acknowledge([inFlight[0], inFlight[1]])
        #expect(group.floors[0] == 3)
        #expect(group.acknowledged == 3)
    }

    @Test("skipped offsets count as done, and nothing of them is delivered again")
    mutating func skipped() {
        group.join(1)
        let inFlight = group.poll(for: 1, limit: 10, window: 10, at: start).map(\.id)
        group.redeliver([DeliveryID(partition: 0, offset: 1)], from: 1, due: start)
        group.skip(0, through: 2)
        #expect(group.floors == [2, 0])
        #expect(group.acknowledge(inFlight.filter { $0.partition == 0 }).map(\.offset) == [3])
        #expect(group.floors == [3, 0])
        group.skip(0, through: 1)
        #expect(group.floors == [3, 0])
    }

    @Test("stores one range, not each offset, for done offsets above one that is not done")
    mutating func unfillable() {
        group.published(0, head: 2_000)
        group.join(1)
        let inFlight = group.poll(for: 1, limit: 2_000, window: 2_000, at: start).map(\.id).filter { $0.partition == 0 }
        _ = group.acknowledge(inFlight.dropFirst().reversed())
        #expect(group.floors[0] == 0)
        #expect(group.done(in: 0) == [2..<inFlight[inFlight.count - 1].offset + 1])

        _ = group.acknowledge([inFlight[0]])
        #expect(group.floors[0] == Int64(inFlight.count))
        #expect(group.done(in: 0) == [])
    }

    @Test("delivers at most aheadLimit offsets ahead of the oldest that is not done")
    func ahead() {
        let limit = GroupStateMachine.aheadLimit
        var group = GroupStateMachine([(floor: 0, done: RangeSet(2..<limit), head: limit + 2)])
        group.join(1)
        let inFlight = group.poll(for: 1, limit: 10, window: 10, at: start)
        #expect(inFlight.map(\.id.offset) == [1, limit])

        _ = group.acknowledge([inFlight[0].id])
        let rest = group.poll(for: 1, limit: 10, window: 10, at: start)
        #expect(rest.map(\.id.offset) == [limit + 1, limit + 2])
    }

    @Test("another member's delivery times out: a waiting member polls again")
    mutating func expired() {
        group.join(1)
        group.join(2)
        #expect(group.nextPoll(for: 2, timeout: .seconds(60), after: start) == nil)
        _ = group.poll(for: 1, limit: 1, window: 10, at: start)
        let end = start + .seconds(60)
        #expect(group.nextPoll(for: 2, timeout: .seconds(60), after: start) == end)
        #expect(group.expired(after: .seconds(60), at: end + .nanoseconds(-1)) == [])
        #expect(group.expired(after: .seconds(60), at: end) == [1])
    }
}
