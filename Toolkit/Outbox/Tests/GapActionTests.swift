import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletOutbox

@Suite("What an operator does about missing and late events", .timeLimit(.minutes(HangLimit.testMinutes)))
struct GapActionTests {
    let fixture: OutboxFixture
    let handler = FaultyHandler()
    let name = InboxKeyName(group: "g", topic: "things", key: "a", source: "test")

    init() async throws { fixture = try await OutboxFixture() }

    private var gaps: Gaps { Gaps([handler.subscription()]) }

    private var runner: SubscriptionRunner {
        SubscriptionRunner(
            [handler.subscription()],
            database: fixture.target,
            bus: fixture.bus,
            runtime: fixture.runtime
        )
    }

    /// Delivers the numbers in this order; what is behind a gap is parked at once.
    private func take(_ numbers: [Int64], epoch: Int = 1) async throws {
        let inbox = Inbox(handler.subscription())
        for number in numbers {
            _ = try await fixture.target.transaction { tx in
                try inbox.process(
                    .numbered(number, of: "a", epoch: epoch),
                    patience: .zero,
                    passesMarkers: true,
                    in: tx
                )
            }
        }
    }

    /// As in `1/6-7 parked` for epoch 1.
    private func listed() async throws -> [String] {
        let gaps = gaps
        return try await fixture.target.read { tx in try gaps.list(in: tx) }
            .map { "\($0.epoch)/\($0.first)-\($0.last) \($0.state)" }
    }

    private func skip(_ range: ClosedRange<Int64>, epoch: Int = 1) async throws -> Bool {
        let (gaps, name) = (gaps, name)
        return try await fixture.target.transaction { tx in try gaps.skip(name, epoch: epoch, range, in: tx) }
    }

    private func fill(_ sequence: Int64, epoch: Int = 1) async throws -> Bool {
        let (gaps, name) = (gaps, name)
        return try await fixture.target.transaction { tx in
            try gaps.fill(name, epoch: epoch, sequence: sequence, body: Array("a".utf8), at: nil, in: tx)
        }
    }

    private func late() async throws -> [LateMessage] {
        try await fixture.target.read { tx in try LateEvents.list(in: tx) }
    }

    @Test("each missing range of a parked key is listed, and no other key")
    func list() async throws {
        try await take([1, 3, 4, 7])
        #expect(try await listed() == ["1/2-2 parked", "1/5-6 parked"])
    }

    @Test("what is redelivered is listed before its patience has ended: as waiting for others, or as received itself")
    func waiting() async throws {
        let inbox = Inbox(handler.subscription())
        try await take([1])
        try await fixture.target.transaction { tx in try inbox.wait(at: .numbered(4, of: "a"), in: tx) }
        #expect(try await listed() == ["1/2-3 waiting"])
        try await fixture.target.transaction { tx in try inbox.wait(at: .numbered(2, of: "a"), in: tx) }
        #expect(try await listed() == ["1/2-4 returned"])
    }

    @Test(
        "the first gap is filled: what is behind it is redriven up to the next, and the event is a duplicate when it comes"
    )
    func filled() async throws {
        try await take([1, 3, 5])
        #expect(try await fill(2))
        #expect(try await !fill(2))
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 2, 3])
        #expect(try await listed() == ["1/4-4 parked"])
        try await take([2])
        #expect(try await fixture.effects(of: "a") == [1, 2, 3])

        #expect(try await fill(4))
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 2, 3, 4, 5])
        #expect(try await listed() == [])
    }

    @Test("gaps are filled in any order")
    func filledBackwards() async throws {
        try await take([1, 4])
        #expect(try await fill(3))
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1])
        #expect(try await fill(2))
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 2, 3, 4])
    }

    @Test("an event that is not missing is not filled, nor one of a group without a subscription")
    func notMissing() async throws {
        try await take([1, 3])
        #expect(try await !fill(1))
        #expect(try await !fill(4))
        let other = Gaps([])
        let name = name
        let isFilled = try await fixture.target.transaction { tx in
            try other.fill(name, epoch: 1, sequence: 2, body: [], at: nil, in: tx)
        }
        #expect(!isFilled)
    }

    @Test("the first gap is skipped: what is behind it is redriven, and the event is late when it comes")
    func skipped() async throws {
        try await take([1, 4, 6])
        #expect(try await skip(2...3))
        #expect(try await !skip(2...3))
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 4])
        #expect(try await listed() == ["1/5-5 parked"])
        try await take([3])
        #expect(try await late().map(\.event.sequence) == [3])
        #expect(try await fixture.effects(of: "a") == [1, 4])
    }

    @Test("a later gap is skipped first: a redrive passes it after the earlier one is closed")
    func skippedBackwards() async throws {
        try await take([1, 3, 5])
        #expect(try await skip(4...4))
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1])
        try await take([2])
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 2, 3, 5])
        try await take([6, 4])
        #expect(try await fixture.effects(of: "a") == [1, 2, 3, 5, 6])
        #expect(try await late().map(\.event.sequence) == [4])
    }

    @Test("a gap that is skipped while the events behind it are redelivered: they are handled, and it is late")
    func skippedWhileWaiting() async throws {
        let inbox = Inbox(handler.subscription())
        try await take([1])
        try await fixture.target.transaction { tx in try inbox.wait(at: .numbered(4, of: "a"), in: tx) }
        #expect(try await skip(2...3))
        #expect(try await listed() == ["1/4-4 returned"])
        try await take([4, 2])
        #expect(try await fixture.effects(of: "a") == [1, 4])
        #expect(try await late().map(\.event.sequence) == [2])
    }

    @Test("a failed event before the gap: filling and skipping redrive nothing")
    func failedBefore() async throws {
        let inbox = Inbox(handler.subscription())
        try await take([1])
        _ = try await fixture.target.transaction { tx in
            try inbox.park(.numbered(2, of: "a"), error: "failed", attempts: 5, in: tx)
        }
        try await take([4, 6])
        #expect(try await listed() == ["1/3-3 parked", "1/5-5 parked"])
        #expect(try await fill(3))
        #expect(try await skip(5...5))
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1])
        let requested = try await fixture.target.transaction { tx in
            try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
        }
        #expect(requested)
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 2, 3, 4, 6])
    }

    @Test("the rest of an older epoch is skipped before the first event of the next")
    func epochs() async throws {
        let inbox = Inbox(handler.subscription())
        try await take([1])
        try await fixture.target.transaction { tx in try inbox.wait(at: .numbered(3, of: "a"), in: tx) }
        try await take([1, 3], epoch: 2)
        #expect(try await listed() == ["1/2-2 waiting", "2/2-2 parked"])
        #expect(try await !skip(2...2, epoch: 2))
        #expect(try await skip(2...2))
        #expect(try await listed() == ["1/3-3 returned", "2/2-2 parked"])
        #expect(try await skip(3...3))
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 1])
        #expect(try await listed() == ["2/2-2 parked"])
    }

    @Test("a redrive accepts the first number of a newer epoch, as the group does, when it is older than the group")
    func olderThanTheGroup() async throws {
        let subscription = handler.subscription()
        let group = try await fixture.target.transaction { tx in
            try GroupRows.begin(subscription, isWhole: false, in: tx)
        }
        let inbox = Inbox(subscription, group: group)
        try await fixture.target.transaction { tx in
            _ = try inbox.park(.numbered(1, of: "a"), error: "Broken()", attempts: 5, in: tx)
            let second = Envelope.numbered(3, of: "a", epoch: 2, since: Timestamp(seconds: 1))
            _ = try inbox.process(second, patience: nil, passesMarkers: true, in: tx)
            _ = try ParkedMessages.redrive(group: "g", topic: "things", key: "a", in: tx)
        }
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 3])
    }

    @Test("a late event is handled once, when an operator names it; a repeat and a redelivery do nothing")
    func redrivenLate() async throws {
        try await take([1])
        try await take([1], epoch: 2)
        try await take([2])
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 1])
        let id = try #require(try await late().first?.event.id)
        for _ in 1...2 {
            let isLate = try await fixture.target.transaction { tx in
                try LateEvents.redrive(group: "g", topic: "things", id: id, in: tx)
            }
            #expect(isLate)
        }
        #expect(try await late().map(\.isRedriving) == [true])
        try await runner.redriveRequested()
        try await runner.redriveRequested()
        try await take([2])
        #expect(try await fixture.effects(of: "a") == [1, 1, 2])
        #expect(try await late() == [])
    }

    @Test("a late event waits again when the end of its transaction fails")
    func failedEndOfLate() async throws {
        try await take([1])
        try await take([1], epoch: 2)
        try await take([2])
        let id = try #require(try await late().first?.event.id)
        _ = try await fixture.target.transaction { tx in
            try LateEvents.redrive(group: "g", topic: "things", id: id, in: tx)
        }
        let target = FailingDatabase(fixture.target)
        target.fail("inbox.redriveLate", [.constraint])
        let failing = SubscriptionRunner(
            [handler.subscription()],
            database: target,
            bus: fixture.bus,
            runtime: fixture.runtime
        )
        try await failing.redriveRequested()
        #expect(try await late().map { "\($0.attempts), \($0.isRedriving)" } == ["1, false"])
        try await runner.redriveRequested()
        #expect(try await fixture.effects(of: "a") == [1, 1])
    }

    @Test("a late event whose handler fails waits again, and can be dismissed")
    func failedLate() async throws {
        try await take([1])
        try await take([1], epoch: 2)
        try await take([2])
        handler.fail("a", at: 2)
        let id = try #require(try await late().first?.event.id)
        _ = try await fixture.target.transaction { tx in
            try LateEvents.redrive(group: "g", topic: "things", id: id, in: tx)
        }
        try await runner.redriveRequested()
        #expect(
            try await late().map { [$0.error, "\($0.attempts)", "\($0.isRedriving)"] } == [["Broken()", "1", "false"]]
        )
        let dismissed = try await fixture.target.transaction { tx in
            [
                try LateEvents.dismiss(group: "g", topic: "things", id: id, in: tx),
                try LateEvents.dismiss(group: "g", topic: "things", id: id, in: tx),
            ]
        }
        #expect(dismissed == [true, false])
        #expect(try await late() == [])
        try await take([2])
        #expect(try await late() == [])
        #expect(try await fixture.effects(of: "a") == [1, 1])
    }

    @Test("pages end at the limit, and the next begins after the last key")
    func pages() async throws {
        let inbox = Inbox(handler.subscription())
        let keys = (0...Gaps.pageLimit).map { String(10_000 + $0) }
        try await fixture.target.transaction { tx in
            for key in keys { try inbox.wait(at: .numbered(2, of: key), in: tx) }
        }
        let gaps = gaps
        let first = try await fixture.target.read { tx in try gaps.list(in: tx) }
        #expect(first.map(\.name.key) == Array(keys.dropLast()))
        let second = try await fixture.target.read { tx in try gaps.list(after: first.last?.name, in: tx) }
        #expect(second.map(\.name.key) == Array(keys.suffix(1)))
        let third = try await fixture.target.read { tx in try gaps.list(after: second.last?.name, in: tx) }
        #expect(third.isEmpty)
    }
}
