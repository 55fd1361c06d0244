import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTelemetry
import MartletTesting
import Testing

@testable import MartletEventLog

@Suite("Groups of an event log")
struct EventLogGroupTests {
    private static let operatorAct = EventLogAudit.Action(
        who: "olga",
        name: "group.remove",
        target: "g",
        why: "renamed"
    )

    let time = ManualTime()
    let database: SQLiteDatabase
    let limits: EventLogLimits

    init() throws {
        database = try SQLiteDatabase.inMemory(time: time)
        var limits = EventLogLimits()
        limits.partitions = 1
        self.limits = limits
    }

    private func open() async throws -> EventLog {
        try await EventLog.open(database, runtime: Runtime(time: time, seed: 1), policy: .sole("test"), limits: limits)
    }

    /// A log with the topic and two groups.
    private func prepared() async throws -> EventLog {
        let log = try await open()
        try await log.declare(
            BusDeclaration(
                topics: [TopicPlan("things")],
                groups: ["alive", "gone"].map { GroupPlan(topic: "things", group: $0) }
            )
        )
        return log
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

    private func numbers() async throws -> [Int] {
        try await database.read { tx in
            try tx.run("SELECT number FROM log_events ORDER BY number").map { try $0.int(0) }
        }
    }

    /// Receives and acknowledges so many events.
    private func consume(
        _ count: Int,
        as group: String,
        of log: EventLog,
        acknowledging: Range<Int>? = nil
    ) async throws {
        let member = try await log.join(topic: "things", group: group, start: .earliest)
        let received = try await member.receive(limit: count)
        try await member.acknowledge(received[acknowledging ?? 0..<received.count].map(\.id))
        await member.leave()
    }

    @Test("an undeclared topic or group is refused by its name, and makes nothing")
    func undeclared() async throws {
        let log = try await open()
        let outcomes = try await log.publish([event(1)])
        #expect(outcomes.map(\.isAccepted) == [false])
        #expect(outcomes.first?.refusal?.message.contains("things") == true)
        await #expect(throws: Fault.self) { try await log.publishAll([event(1)]) }
        let fault = await #expect(throws: Fault.self) {
            _ = try await log.join(topic: "things", group: "g", start: .earliest)
        }
        #expect(fault?.reason == "eventlog.unknown_topic")
        #expect(try await log.status().isEmpty)

        try await log.declare(BusDeclaration(topics: [TopicPlan("things")]))
        let second = await #expect(throws: Fault.self) {
            _ = try await log.join(topic: "things", group: "misspelled", start: .earliest)
        }
        #expect(second?.reason == "eventlog.unknown_group")
        #expect(second?.message.contains("misspelled") == true)
        #expect(try await log.status().flatMap(\.groups).isEmpty)
    }

    @Test("what an older version has made stays: topics are published to, groups are joined")
    func old() async throws {
        let older = try await prepared()
        try await older.publish([event(1)])
        try await consume(1, as: "alive", of: older)
        try await older.flush()
        try await database.transaction { tx in
            try tx.run("DELETE FROM log_groups")
            try tx.run(
                """
                INSERT INTO log_groups (topic_id, group_name, declared_at, last_seen_at)
                SELECT DISTINCT topic_id, group_name, 0, NULL FROM log_positions
                """
            )
        }
        let log = try await open()
        #expect(try await log.publish([event(2)]) == [.accepted])
        let received = try await log.join(topic: "things", group: "alive", start: .earliest).receive(limit: 5)
        #expect(received.map(\.event.sequence) == [2])
        #expect(try await log.status().first?.groups.first?.lastSeen == time.date)
    }

    @Test("a declared number of partitions and retention are the topic's, also after a restart")
    func plans() async throws {
        let log = try await open()
        let plan = TopicPlan("things", partitions: 3, retention: .seconds(60))
        try await log.declare(BusDeclaration(topics: [plan]))
        #expect(try await database.read { tx in try tx.run("SELECT 1 FROM log_partitions").count } == 3)
        try await log.publish([event(1)])
        let second = try await open()
        time.advance(by: .seconds(59))
        try await second.purge()
        #expect(try await numbers().count == 1)
        time.advance(by: .seconds(2))
        try await second.purge()
        #expect(try await numbers().isEmpty)
    }

    @Test("a topic keeps its partitions when its publisher declares others, and both are shown, also after a restart")
    func otherPartitions() async throws {
        func shown(of log: EventLog) async throws -> [Int?] {
            let topic = try await log.status().first
            return [topic?.partitions, topic?.declaredPartitions]
        }
        func consumer(_ partitions: Int) -> BusDeclaration {
            let group = GroupPlan(topic: "things", group: "early")
            return BusDeclaration(topics: [TopicPlan("things", partitions: partitions)], groups: [group])
        }
        let log = try await open()
        try await log.declare(consumer(3))
        #expect(try await shown(of: log) == [3, nil])
        try await log.declare(BusDeclaration(topics: [TopicPlan("things", partitions: 5)]))
        try await log.declare(consumer(3))
        #expect(try await shown(of: log) == [3, 5])
        let second = try await open()
        #expect(try await shown(of: second) == [3, 5])
        #expect(try await database.read { tx in try tx.run("SELECT 1 FROM log_partitions").count } == 3)
        // A publisher that declares the topic's number again, or none, agrees.
        try await second.declare(BusDeclaration(topics: [TopicPlan("things")]))
        #expect(try await shown(of: second) == [3, nil])
    }

    @Test("a group that never returns raises an alarm, and keeps the log only up to a limit; its loss is booked")
    func abandoned() async throws {
        let log = try await prepared()
        try await log.publish((1...5).map { event($0) })
        try await consume(5, as: "alive", of: log)
        try await consume(5, as: "gone", of: log, acknowledging: 0..<2)
        #expect(try await log.status().first?.groups.map(\.isAbandoned) == [false, false])

        time.advance(by: limits.groupAlarm + .seconds(1))
        let member = try await log.join(topic: "things", group: "alive", start: .earliest)
        #expect(try await log.status().first?.groups.map(\.isAbandoned) == [false, true])
        time.advance(by: limits.retention)
        var alarmed: Set<[ExactText]> = []
        try await log.observe(&alarmed)
        #expect(alarmed == [["things", "gone"]])
        try await log.purge()
        #expect(try await numbers() == [3, 4, 5])

        time.advance(by: limits.groupLimit)
        try await log.observe(&alarmed)
        try await log.purge()
        #expect(try await numbers().isEmpty)
        let losses = try await log.losses(after: 0, confirmed: false)
        #expect(losses.map(\.group) == ["gone"])
        #expect(losses.map { [$0.first, $0.last, $0.events] } == [[3, 5, 3]])
        #expect(losses.map(\.reason) == ["purged"])
        #expect(try await log.status().first?.groups.map(\.lost) == [0, 3])
        #expect(try await log.status().first?.groups.map(\.lag) == [0, 0])
        await member.leave()

        // It returns after all: it continues with what comes next, also after a restart.
        let second = try await open()
        let late = try await second.join(topic: "things", group: "gone", start: .earliest)
        try await second.publish([event(6)])
        #expect(try await late.receive(limit: 5).map(\.event.sequence) == [6])
    }

    @Test("a group that has acknowledged events above its floor loses only the others")
    func holes() async throws {
        let log = try await prepared()
        try await log.publish((1...6).map { event($0) })
        try await consume(6, as: "gone", of: log, acknowledging: 2..<4)
        time.advance(by: limits.groupLimit + limits.retention)
        try await log.purge()
        let losses = try await log.losses(after: 0, confirmed: false)
        #expect(losses.map { [$0.first, $0.last, $0.events] } == [[1, 2, 2], [5, 6, 2]])
    }

    @Test("after a restart nothing is purged past a group before its service had time to start")
    func grace() async throws {
        let log = try await prepared()
        try await log.publish([event(1)])
        try await consume(1, as: "gone", of: log, acknowledging: 0..<0)
        time.advance(by: limits.groupLimit + limits.retention)
        let second = try await open()
        try await second.purge()
        #expect(try await numbers() == [1])
        time.advance(by: limits.groupGrace)
        try await second.purge()
        #expect(try await numbers().isEmpty)
    }

    @Test("for a minute after a jump of the wall clock nothing is purged, neither past a group nor past its retention")
    func jump() async throws {
        let log = try await prepared()
        try await log.publish([event(1), event(2)])
        try await consume(2, as: "alive", of: log)
        try await consume(2, as: "gone", of: log, acknowledging: 0..<1)
        time.advance(by: limits.groupGrace)
        time.jumpDate(by: limits.groupLimit + limits.retention)
        try await log.purge()
        time.advance(by: ClockWatch.suspension - .seconds(1))
        try await log.purge()
        #expect(try await numbers() == [1, 2])
        #expect(try await log.losses(after: 0, confirmed: false).isEmpty)

        time.advance(by: .seconds(1))
        try await log.purge()
        #expect(try await numbers().isEmpty)
        #expect(try await log.losses(after: 0, confirmed: false).map(\.group) == ["gone"])
    }

    @Test("an operator removes a group without members: what it has not acknowledged is a loss, and the log is free")
    func removed() async throws {
        let log = try await prepared()
        try await log.publish((1...3).map { event($0) })
        try await consume(3, as: "alive", of: log)
        let member = try await log.join(topic: "things", group: "gone", start: .earliest)
        let refusal = await #expect(throws: Fault.self) {
            _ = try await log.removeGroup("gone", of: "things", by: Self.operatorAct)
        }
        #expect(refusal?.reason == "eventlog.group_in_use")
        await member.leave()

        let lost = try await log.removeGroup("gone", of: "things", by: Self.operatorAct)
        #expect(lost == 3)
        #expect(try await log.losses(after: 0, confirmed: false).map(\.reason) == ["removed"])
        #expect(try await log.status().first?.groups.map(\.name) == ["alive"])
        await #expect(throws: Fault.self) { _ = try await log.join(topic: "things", group: "gone", start: .earliest) }
        time.advance(by: limits.retention + .seconds(1))
        try await log.purge()
        #expect(try await numbers().isEmpty)
        #expect(try await open().status().first?.groups.map(\.name) == ["alive"])
        let unknown = await #expect(throws: Fault.self) {
            _ = try await log.removeGroup("gone", of: "things", by: Self.operatorAct)
        }
        #expect(unknown?.reason == "eventlog.unknown_group")
    }

    @Test("a removed group that is made again is a new one, and its earlier loss stays named")
    func madeAgain() async throws {
        let log = try await prepared()
        try await log.publish([event(1), event(2)])
        try await consume(1, as: "gone", of: log)
        _ = try await log.removeGroup("gone", of: "things", by: Self.operatorAct)
        try await log.declare(
            BusDeclaration(topics: [TopicPlan("things")], groups: [GroupPlan(topic: "things", group: "gone")])
        )
        let received = try await log.join(topic: "things", group: "gone", start: .earliest).receive(limit: 5)
        #expect(received.map(\.event.sequence) == [1, 2])
        #expect(try await log.losses(after: 0, confirmed: false).map(\.events) == [1])
    }

    @Test("an operator confirms a loss once, with an audit row; confirmed ones are shown on request")
    func confirmed() async throws {
        let log = try await prepared()
        try await log.publish([event(1)])
        try await consume(1, as: "gone", of: log, acknowledging: 0..<0)
        _ = try await log.removeGroup("gone", of: "things", by: Self.operatorAct)
        let act = EventLogAudit.Action(who: "olga", name: "loss.confirm", target: "1", why: "known")
        for _ in 0..<2 { try await log.confirmLoss(1, by: act) }
        #expect(try await log.losses(after: 0, confirmed: false).isEmpty)
        #expect(try await log.losses(after: 0, confirmed: true).map(\.confirmedBy) == ["olga"])
        #expect(try await log.audit(before: 0, limit: 0).map(\.act) == ["loss.confirm", "group.remove"])
        let unknown = await #expect(throws: Fault.self) { try await log.confirmLoss(2, by: act) }
        #expect(unknown?.reason == "eventlog.unknown_loss")
    }
}
