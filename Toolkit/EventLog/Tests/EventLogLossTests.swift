import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletEventLog

@Suite("Losses of a group", .timeLimit(.minutes(HangLimit.testMinutes)))
struct EventLogLossTests {
    private static let removal = EventLogAudit.Action(who: "olga", name: "group.remove", target: "g", why: "test")

    let time = ManualTime()
    let database: SQLiteDatabase
    let limits: EventLogLimits

    init() throws {
        database = try SQLiteDatabase.inMemory(time: time)
        var limits = EventLogLimits()
        (limits.acceptsUndeclared, limits.partitions) = (true, 1)
        self.limits = limits
    }

    private func open() async throws -> EventLog {
        try await EventLog.open(database, runtime: Runtime(time: time, seed: 1), policy: .sole("test"), limits: limits)
    }

    private func event(_ sequence: Int64) -> Envelope {
        Envelope(
            id: "k/\(sequence)",
            source: "test",
            epoch: 1,
            topic: "things",
            key: "k",
            sequence: sequence,
            time: time.date,
            traceparent: nil,
            body: [1]
        )
    }

    /// A log whose group has lost its first three events.
    private func lossy() async throws -> EventLog {
        let log = try await open()
        let member = try await log.join(topic: "things", group: "g", start: .earliest)
        try await log.publish((1...3).map { event($0) })
        await member.leave()
        time.advance(by: limits.groupLimit + limits.retention)
        try await log.purge()
        return log
    }

    private func losses(_ log: EventLog, start: GroupStart = .earliest) async throws -> [GroupLoss] {
        let member = try await log.join(topic: "things", group: "g", start: start)
        await member.leave()
        return member.losses
    }

    @Test("are given to each member until one has acknowledged them, also after a restart; then the log lists none")
    func taken() async throws {
        let log = try await lossy()
        let begin = time.date - (limits.groupLimit + limits.retention)
        let expected = GroupLoss(
            partition: 0,
            offsets: 1...3,
            events: 3,
            reason: "purged",
            storedAt: begin...begin,
            removedAt: time.date
        )
        #expect(try await losses(log) == [expected])
        let second = try await open()
        let member = try await second.join(topic: "things", group: "g", start: .earliest)
        #expect(member.losses == [expected])
        #expect(try await second.status().first?.groups.map(\.lost) == [3])

        for _ in 0..<2 { try await member.acknowledge(losses: member.losses) }
        await member.leave()
        #expect(try await losses(second) == [])
        #expect(try await second.losses(after: 0, confirmed: true).isEmpty)
        #expect(try await second.status().first?.groups.map(\.lost) == [0])
        #expect(try await losses(open()) == [])
    }

    @Test("are given again to a service that was restored, although it had acknowledged them")
    func again() async throws {
        let log = try await lossy()
        let member = try await log.join(topic: "things", group: "g", start: .earliest)
        try await member.acknowledge(losses: member.losses)
        await member.leave()
        #expect(try await losses(log, start: .again).map(\.events) == [3])
    }

    @Test("of a removed group are given to the group of its name that is made later")
    func removed() async throws {
        let log = try await open()
        let member = try await log.join(topic: "things", group: "g", start: .earliest)
        try await log.publish([event(1)])
        await member.leave()
        _ = try await log.removeGroup("g", of: "things", by: Self.removal)
        #expect(try await losses(log).map(\.reason) == ["removed"])
    }

    @Test("that have grown since a member was given them are not taken; what comes later is a loss of its own")
    func grown() async throws {
        let log = try await lossy()
        let given = try await losses(log)
        let grow = { (last: Int64) in
            try await database.transaction { tx in
                try EventLogLosses.book(
                    [EventLogLosses.Event(number: last, storedAt: time.date.microseconds)],
                    topic: 1,
                    group: "g",
                    partition: 0,
                    in: tx
                )
            }
        }
        try await grow(4)
        let member = try await log.join(topic: "things", group: "g", start: .earliest)
        #expect(member.losses.map(\.offsets) == [1...4])
        try await member.acknowledge(losses: given)
        #expect(try await losses(log).map(\.offsets) == [1...4])
        try await member.acknowledge(losses: member.losses)
        try await grow(5)
        #expect(try await losses(log).map(\.offsets) == [5...5])
    }

    @Test("that an operator has confirmed here are not given")
    func confirmed() async throws {
        let log = try await lossy()
        let act = EventLogAudit.Action(who: "olga", name: "loss.confirm", target: "1", why: "known")
        try await log.confirmLoss(1, by: act)
        #expect(try await losses(log) == [])
    }

    @Test("a member that has left acknowledges none")
    func left() async throws {
        let log = try await lossy()
        let member = try await log.join(topic: "things", group: "g", start: .earliest)
        await member.leave()
        await #expect(throws: Fault.self) { try await member.acknowledge(losses: member.losses) }
        #expect(try await losses(log).map(\.events) == [3])
    }
}
