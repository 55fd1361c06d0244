import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletOutbox

extension OutboxStore {
    /// What a new process of the instance may publish at once.
    static func leases(ofNew instance: ExactText, in tx: borrowing SQLTransaction) throws -> [Lease] {
        let relay = try register(instance, isAlone: false, in: tx)
        return try share(of: relay, OutboxRelay.Limits(), asks: false, in: tx).leases
    }
}

@Suite("Outbox relays on one database")
struct RelayStoreTests {
    let fixture: OutboxFixture
    let limits = OutboxRelay.Limits()

    init() async throws { fixture = try await OutboxFixture() }

    private func register(_ instance: ExactText, isAlone: Bool = false) async throws -> OutboxStore.Relay {
        try await fixture.source.transaction { tx in try OutboxStore.register(instance, isAlone: isAlone, in: tx) }
    }

    @discardableResult
    private func share(of relay: OutboxStore.Relay, asks: Bool = false) async throws -> OutboxStore.Share {
        let limits = limits
        return try await fixture.source.transaction { tx in
            try OutboxStore.share(of: relay, limits, asks: asks, in: tx)
        }
    }

    private func leave(_ relay: OutboxStore.Relay) async throws {
        let limits = limits
        try await fixture.source.transaction { tx in try OutboxStore.leave(relay, limits, in: tx) }
    }

    private func partitions(of share: OutboxStore.Share) -> [Int] { share.leases.map(\.partition) }

    /// Two relays that share the partitions and are proven.
    private func pair() async throws -> (first: OutboxStore.Relay, second: OutboxStore.Relay) {
        let (first, second) = (try await register("a"), try await register("b"))
        for _ in 0..<Int(limits.probation.components.seconds + 2) {
            for relay in [first, second] { try await share(of: relay, asks: true) }
            fixture.time.advance(by: .seconds(1))
        }
        for relay in [first, second] { try await share(of: relay) }
        return (first, second)
    }

    @Test("alone, a relay has all partitions at once, and renews them after a third of the whole lease")
    func alone() async throws {
        let relay = try await register("a", isAlone: true)
        let share = try await share(of: relay)
        #expect(partitions(of: share) == Array(0..<Outbox.partitions))
        #expect(share.next == limits.lease / 3)
    }

    @Test("a second relay asks, and gets half of the partitions by name")
    func second() async throws {
        let notifications = try await fixture.source.notifications(of: [Outbox.shared])
        defer { notifications.close() }
        let first = try await register("a")
        #expect(try await partitions(of: share(of: first)).count == Outbox.partitions)
        let second = try await register("b")
        #expect(try await partitions(of: share(of: second, asks: true)) == [])
        #expect(try await notifications.next(until: fixture.time.now, fixture.time) == [Outbox.shared])
        #expect(try await partitions(of: share(of: first)) == [0, 1, 2, 3])
        #expect(try await notifications.next(until: fixture.time.now, fixture.time) == [Outbox.shared])
        #expect(try await partitions(of: share(of: second)) == [4, 5, 6, 7])
        #expect(try await notifications.next(until: fixture.time.now, fixture.time) == [])
    }

    @Test("beside a proven relay, a new one gets nothing until its probation ends, however often it starts")
    func probation() async throws {
        let (first, second) = try await pair()
        for _ in 0..<10 {
            // Crashes: its row and leases stay.
            let again = try await register("b")
            #expect(try await partitions(of: share(of: again, asks: true)) == [])
            #expect(try await partitions(of: share(of: first)) == Array(0..<Outbox.partitions))
            fixture.time.advance(by: .seconds(5))
        }
        let last = try await register("b")
        try await share(of: last)
        #expect(try await share(of: second).isReplaced)
        for _ in 0..<10 {
            fixture.time.advance(by: .seconds(1))
            try await share(of: last)
        }
        try await share(of: first)
        #expect(try await partitions(of: share(of: last)).count == Outbox.partitions / 2)
    }

    @Test("an orderly end: the others have its partitions at once")
    func end() async throws {
        let (first, second) = try await pair()
        try await leave(first)
        let share = try await share(of: second)
        #expect(partitions(of: share) == Array(0..<Outbox.partitions))
        let row = try await fixture.source.read { tx in
            try tx.run("SELECT instance FROM audit_outbox_relays").map { try $0.text(0) }
        }
        #expect(row == ["b"])
    }

    @Test("an offer that is not taken ends the row of its receiver, and the partition is free")
    func lapsed() async throws {
        let first = try await register("a", isAlone: true)
        try await share(of: first)
        let second = try await register("b")
        for _ in 0..<10 {
            fixture.time.advance(by: .seconds(1))
            try await share(of: second)
            try await share(of: first)
        }
        // b has been up for its probation, got its offer, and ends without a word.
        #expect(try await partitions(of: share(of: first)) == [0, 1, 2, 3])
        fixture.time.advance(by: limits.shortLease)
        #expect(try await partitions(of: share(of: first)) == Array(0..<Outbox.partitions))
        let alive = try await fixture.source.read { tx in
            try tx.run("SELECT instance FROM audit_outbox_relays WHERE lease_until > \(tx.date.microseconds)").map {
                try $0.text(0)
            }
        }
        #expect(alive == ["a"])
    }

    @Test("two living processes of one instance: the later one publishes, the earlier one when it has ended")
    func replaced() async throws {
        let earlier = try await register("a")
        #expect(try await partitions(of: share(of: earlier)).count == Outbox.partitions)
        let later = try await register("a")
        #expect(try await partitions(of: share(of: later)).count == Outbox.partitions)
        let replaced = try await share(of: earlier)
        #expect(replaced.isReplaced)
        #expect(replaced.leases.isEmpty)
        try await leave(earlier)
        #expect(try await partitions(of: share(of: later)).count == Outbox.partitions)
        try await leave(later)
        #expect(try await partitions(of: share(of: earlier)).count == Outbox.partitions)
    }

    @Test("a restart raises the fencing tokens of what the instance holds")
    func fencing() async throws {
        let before = try await share(of: register("a"))
        let after = try await share(of: register("a"))
        #expect(before.leases.map(\.partition) == after.leases.map(\.partition))
        #expect(zip(before.leases, after.leases).allSatisfy { $0.fencingToken < $1.fencingToken })
    }

    @Test("the row of a relay that ended without order is deleted after a day")
    func forgotten() async throws {
        try await share(of: register("a"))
        fixture.time.advance(by: OutboxStore.endedRetention)
        let other = try await register("b")
        try await share(of: other)
        fixture.time.advance(by: limits.shortLease)
        try await share(of: other)
        let rows = try await fixture.source.read { tx in
            try tx.run("SELECT instance FROM audit_outbox_relays").map { try $0.text(0) }
        }
        #expect(rows == ["b"])
    }
}
