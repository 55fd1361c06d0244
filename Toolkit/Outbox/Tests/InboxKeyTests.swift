import MartletCore
import MartletMessaging
import Testing

@testable import MartletOutbox

/// The decisions of the interleavings that `Simulations/Model` explores.
@Suite("Inbox key")
struct InboxKeyTests {
    typealias Position = InboxKey.Position

    private let group = GroupBeginning(start: .earliest, began: Timestamp(seconds: 100))

    private func decision(
        _ epoch: Int,
        _ sequence: Int64,
        at key: InboxKey,
        record: InboxKey.Record? = nil,
        committed: Int64 = 200,
        since: Int64? = 200,
        in group: GroupBeginning? = nil
    ) -> InboxDecision {
        key.decision(
            on: EventNumber(epoch: epoch, sequence: sequence),
            at: Timestamp(seconds: committed),
            since: since.map { Timestamp(seconds: $0) },
            record: record,
            group: group ?? self.group
        )
    }

    private func key(_ positions: [Position], waiting: [InboxKey.Waiting] = []) -> InboxKey {
        InboxKey(positions: positions, waiting: waiting)
    }

    private func parked(_ positions: [Position], first: EventNumber?) -> InboxKey {
        InboxKey(positions: positions, isParked: true, firstParked: first)
    }

    @Test("of one epoch, the next number is handled, a lower one is a duplicate, a higher one waits")
    func oneEpoch() {
        let five = key([Position(epoch: 1, base: 1, last: 5)])
        #expect([4, 5, 6, 7].map { decision(1, $0, at: five) } == [.duplicate, .duplicate, .handle, .gap])
        #expect([1, 2].map { decision(1, $0, at: key([])) } == [.handle, .gap])
    }

    @Test("after a restore of the source, a number that was handled in the older epoch is a duplicate")
    func duplicateOfOlderEpoch() {
        let restored = key([Position(epoch: 1, base: 1, last: 5), Position(epoch: 9, base: 1, last: 1)])
        #expect(decision(1, 5, at: restored) == .duplicate)
    }

    @Test("an event that failed holds the events of a newer epoch back")
    func failingHoldsBack() {
        let failing = key(
            [Position(epoch: 1, base: 1, last: 3)],
            waiting: [InboxKey.Waiting(epoch: 1, lowest: 4, highest: 4)]
        )
        #expect(decision(9, 1, at: failing) == .gap)
        #expect(decision(1, 4, at: failing) == .handle)
    }

    @Test("an event behind a gap holds the events of a newer epoch back, until the highest of its epoch is handled")
    func waitingHoldsBack() {
        let waiting = [InboxKey.Waiting(epoch: 1, lowest: 5, highest: 6)]
        let decisions = [3, 5, 6].map { last in
            decision(9, 1, at: key([Position(epoch: 1, base: 1, last: last)], waiting: waiting))
        }
        #expect(decisions == [.gap, .gap, .handle])
    }

    @Test("an event of an older epoch that was never handled is late, whether or not it would have been the next")
    func late() {
        let restored = key([Position(epoch: 1, base: 1, last: 4), Position(epoch: 9, base: 1, last: 1)])
        #expect([5, 6].map { decision(1, $0, at: restored) } == [.late, .late])
        #expect(decision(4, 1, at: restored) == .late)
        #expect(decision(1, 5, at: restored, record: .late) == .duplicate)
        #expect(decision(9, 2, at: restored) == .handle)
    }

    @Test("a group that began with the latest event counts what was committed before, and parks none of it")
    func before() {
        let latest = GroupBeginning(start: .latest, began: Timestamp(seconds: 100))
        #expect(decision(1, 1, at: key([]), committed: 99, in: latest) == .before)
        #expect(decision(1, 2, at: key([]), committed: 99, in: latest) == .before)
        #expect(decision(1, 3, at: key([]), committed: 100, since: 99, in: latest) == .handle)
        let later = key([Position(epoch: 1, base: 3, last: 3)])
        #expect(decision(1, 2, at: later, committed: 99, in: latest) == .before)
        #expect(decision(1, 2, at: later, committed: 100, in: latest) == .late)
    }

    @Test(
        "the first number is 1, unless the key is older than the group, whenever its event was committed",
        arguments: [GroupStart.earliest, .latest]
    )
    func base(start: GroupStart) {
        let group = GroupBeginning(start: start, began: Timestamp(seconds: 100))
        #expect([1, 2].map { decision(1, $0, at: key([]), since: 100, in: group) } == [.handle, .gap])
        #expect([1, 3].map { decision(1, $0, at: key([]), since: 99, in: group) } == [.handle, .handle])
        #expect(decision(1, 3, at: key([]), since: nil, in: group) == .handle)
    }

    @Test("a group that began before that was stored is older than a key whose first event is known")
    func unknownBeginning() {
        for start in [GroupStart.earliest, .latest] {
            let unknown = GroupBeginning(start: start, began: nil)
            #expect(decision(1, 2, at: key([]), since: 99, in: unknown) == .gap)
            #expect(decision(1, 2, at: key([]), since: nil, in: unknown) == .handle)
        }
    }

    @Test("the first number is 1 where the group receives every event, but for those from before a latest start")
    func whole() {
        let decisions = [GroupStart.earliest, .latest].flatMap { start in
            let whole = GroupBeginning(start: start, began: Timestamp(seconds: 100), isWhole: true)
            return [99, nil].map { decision(1, 2, at: key([]), since: $0, in: whole) }
        }
        #expect(decisions == [.gap, .gap, .handle, .handle])
    }

    @Test("a newer epoch of a key begins with 1, unless that epoch is older than the group")
    func baseOfEpoch() {
        let restored = key([Position(epoch: 1, base: 1, last: 5)])
        #expect([1, 2].map { decision(9, $0, at: restored, since: 100) } == [.handle, .gap])
        #expect(decision(9, 2, at: restored, since: 99) == .handle)
    }

    @Test("no number above one that was redelivered becomes the first")
    func lowestBase() {
        let failing = key([], waiting: [InboxKey.Waiting(epoch: 1, lowest: 2, highest: 2)])
        let decisions = [3, 2, 1].map { decision(1, $0, at: failing, since: 99) }
        #expect(decisions == [.gap, .handle, .handle])
    }

    @Test("behind a parked gap, the missing event is handled when it comes, and what is parked is a duplicate")
    func parkedGap() {
        let gap = parked([Position(epoch: 1, base: 1, last: 5)], first: EventNumber(epoch: 1, sequence: 7))
        #expect(decision(1, 6, at: gap) == .handle)
        #expect(decision(1, 7, at: gap, record: .parked) == .duplicate)
        #expect(decision(1, 8, at: gap) == .enqueue)
        #expect(decision(9, 1, at: gap) == .enqueue)
    }

    @Test("the missing event is parked when an earlier one is")
    func parkedBefore() {
        let failed = parked([Position(epoch: 1, base: 1, last: 6)], first: EventNumber(epoch: 1, sequence: 5))
        #expect(decision(1, 7, at: failed) == .enqueue)
        #expect(decision(1, 8, at: failed) == .enqueue)
        let otherSource = parked([Position(epoch: 1, base: 1, last: 6)], first: nil)
        #expect(decision(1, 7, at: otherSource) == .enqueue)
    }

    @Test("a skipped number that comes after all is late")
    func skipped() {
        let key = key([Position(epoch: 1, base: 1, last: 7)])
        #expect(decision(1, 6, at: key, record: .skipped) == .late)
        #expect(decision(1, 8, at: key) == .handle)
    }

    @Test("a number below 1 is late")
    func invalid() {
        #expect([0, -1].map { decision(1, $0, at: key([])) } == [.late, .late])
        #expect(decision(1, 0, at: key([Position(epoch: 1, base: 1, last: 7)])) == .late)
    }
}
