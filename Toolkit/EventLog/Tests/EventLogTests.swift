import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@testable import MartletEventLog

@Suite("Event log")
struct EventLogTests {
    let time = ManualTime()
    let database: SQLiteDatabase

    init() throws { database = try SQLiteDatabase.inMemory(time: time) }

    private func open(_ limits: EventLogLimits = EventLogLimits()) async throws -> EventLog {
        var limits = limits
        limits.acceptsUndeclared = true
        return try await EventLog.open(
            database,
            runtime: Runtime(time: time, seed: 1),
            policy: .sole("test"),
            limits: limits
        )
    }

    private static var evaluation: EventLogLimits {
        var limits = EventLogLimits()
        limits.acceptsUndeclared = true
        return limits
    }

    private func event(
        _ sequence: Int64,
        of key: String = "k",
        bytes: Int = 1,
        since: Timestamp? = nil
    ) -> Envelope {
        Envelope(
            id: "\(key)/\(sequence)",
            source: "test",
            epoch: 1,
            topic: "things",
            key: key,
            sequence: sequence,
            time: time.date,
            keySince: since,
            traceparent: nil,
            body: Array(repeating: 7, count: bytes)
        )
    }

    @Test("conforms", arguments: MessageBusConformance.checks)
    func conforms(to check: MessageBusConformance.Check) async throws {
        try await check.run { time in
            try await EventLog.open(
                try SQLiteDatabase.inMemory(time: time),
                runtime: Runtime(time: time, seed: 1),
                policy: .sole("test"),
                limits: Self.evaluation
            ).bus(of: "test")
        }
    }

    @Test("a group that goes back: all is delivered again after a restart as well, whatever was acknowledged before")
    func again() async throws {
        let first = try await open()
        try await first.publish((1...5).map { event($0) })
        let member = try await first.join(topic: "things", group: "g", start: .earliest)
        let received = try await member.receive(limit: 5)
        try await member.acknowledge(received.prefix(3).map(\.id))
        try await first.flush()
        try await member.acknowledge(received.suffix(1).map(\.id))
        _ = try await first.join(topic: "things", group: "g", start: .again)
        try await member.acknowledge(received.map(\.id))
        try await first.flush()

        let second = try await open()
        #expect(try await second.status().first?.groups.map(\.lag) == [5])
        let all = try await second.join(topic: "things", group: "g", start: .earliest).receive(limit: 5)
        #expect(all.map(\.event.sequence) == [1, 2, 3, 4, 5])
    }

    @Test("events of before types were stored have none")
    func eventsWithoutType() async throws {
        let log = try await open()
        try await log.publish([event(1)])
        try await database.transaction { tx in try tx.run("UPDATE log_events SET type = NULL, content_type = NULL") }
        let received = try await log.join(topic: "things", group: "g", start: .earliest).receive(limit: 1)
        #expect(received.map(\.event.type) == [nil])
    }

    @Test("restart: events and written acknowledgements are durable")
    func restart() async throws {
        let first = try await open()
        try await first.publish((1...5).map { event($0) })
        let member = try await first.join(topic: "things", group: "g", start: .earliest)
        let received = try await member.receive(limit: 5)
        try await member.acknowledge([received[0].id, received[1].id, received[3].id])
        try await first.flush()

        let second = try await open()
        let rest = try await second.join(topic: "things", group: "g", start: .earliest).receive(limit: 5)
        #expect(rest.map(\.event.sequence) == [3, 5])
        #expect(try await second.status().first?.groups.map(\.lag) == [2])
    }

    @Test("publication with an unknown outcome: its stored events are delivered without another publication")
    func unknownOutcome() async throws {
        let connection = DisconnectingDatabase(to: database)
        let log = try await EventLog.open(
            connection,
            runtime: Runtime(time: time, seed: 1),
            policy: .sole("test"),
            limits: Self.evaluation
        )
        try await log.publish([event(1)])
        let member = try await log.join(topic: "things", group: "g", start: .earliest)
        #expect(try await member.receive(limit: 5).map(\.event.sequence) == [1])
        connection.breaks.withLock { $0 = true }
        await #expect(throws: SQLError.self) { try await log.publish([event(2)]) }
        try await log.catchUp()
        #expect(try await member.receive(limit: 5).map(\.event.sequence) == [2])
    }

    @Test("restart: redelivers events whose acknowledgement was not written")
    func unwritten() async throws {
        let first = try await open()
        try await first.publish([event(1)])
        let member = try await first.join(topic: "things", group: "g", start: .earliest)
        try await member.acknowledge(try await member.receive(limit: 1).map(\.id))

        let again = try await open().join(topic: "things", group: "g", start: .earliest).receive(limit: 1)
        #expect(again.map(\.event.sequence) == [1])
    }

    @Test("run writes acknowledgements periodically and at shutdown")
    func background() async throws {
        let log = try await open()
        try await log.publish([event(1), event(2)])
        let member = try await log.join(topic: "things", group: "g", start: .earliest)
        let received = try await member.receive(limit: 2)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await log.run() }
            await time.waitForSleepers()
            try? await member.acknowledge(received.map(\.id))
            group.cancelAll()
        }
        #expect(try await open().status().first?.groups.map(\.lag) == [0])
    }

    @Test("purge removes only events that every group has acknowledged and that are past their retention")
    func retention() async throws {
        let log = try await open()
        try await log.publish([event(1), event(2)])
        for group in ["fast", "slow"] {
            let member = try await log.join(topic: "things", group: group, start: .earliest)
            let received = try await member.receive(limit: 2)
            try await member.acknowledge(received.prefix(group == "fast" ? 2 : 1).map(\.id))
            await member.leave()
        }
        try await log.purge()
        #expect(try await numbers() == [1, 2])

        time.advance(by: EventLogLimits().retention + .seconds(1))
        try await log.purge()
        #expect(try await numbers() == [2])

        try await log.publish([event(3)])
        let late = try await log.join(topic: "things", group: "late", start: .earliest).receive(limit: 5)
        #expect(late.map(\.event.sequence) == [2, 3])
    }

    @Test("a purge of many events continues from part to part, and acknowledgements are written in between")
    func longPurge() async throws {
        var limits = EventLogLimits()
        limits.retention = .zero
        limits.purgeBatch = 2
        let log = try await open(limits)
        try await log.publish((1...50).map { event($0) })
        time.advance(by: .seconds(1))
        #expect(try await log.purge(batchesLimit: 10) == "things")
        #expect(try await numbers().count == 30)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await log.run() }
            await time.passPurge(limits)
            group.cancelAll()
        }
        #expect(try await numbers().isEmpty)
    }

    @Test("offsets keep rising after all events of a partition were purged")
    func heads() async throws {
        var limits = EventLogLimits()
        limits.retention = .zero
        let log = try await open(limits)
        try await log.publish([event(1)])
        time.advance(by: .seconds(1))
        try await log.purge()
        #expect(try await numbers() == [])

        try await open(limits).publish([event(2)])
        #expect(try await numbers() == [2])
    }

    @Test("one receive returns at most the byte limit, but at least one event")
    func bytes() async throws {
        var limits = EventLogLimits()
        limits.deliveryBytes = 100
        let log = try await open(limits)
        try await log.publish([event(1, bytes: 500), event(2, bytes: 60), event(3, bytes: 60)])
        let member = try await log.join(topic: "things", group: "g", start: .earliest)
        let first = try await member.receive(limit: 10)
        let second = try await member.receive(limit: 10)
        let third = try await member.receive(limit: 10)
        #expect([first, second, third].map { $0.map(\.event.sequence) } == [[1], [2], [3]])
    }

    @Test("a refused event and the later ones of its key are not stored, the others of the publication are")
    func refusals() async throws {
        var limits = EventLogLimits()
        limits.body = 10
        let log = try await open(limits)
        let outcomes = try await log.publish(
            [event(1), event(2, bytes: 11), event(1, of: "other"), event(3), event(2, of: "other")]
        )
        #expect(outcomes.map(\.isAccepted) == [true, false, true, false, true])
        #expect(outcomes[3] == .refused(.behind))
        let received = try await log.join(topic: "things", group: "g", start: .earliest).receive(limit: 10)
        #expect(received.map(\.event.id).sorted() == ["k/1", "other/1", "other/2"])
    }

    @Test("a caller that expects one answer gets it: with a refused event nothing is stored")
    func publishAll() async throws {
        var limits = EventLogLimits()
        limits.body = 10
        let log = try await open(limits)
        let fault = await #expect(throws: Fault.self) {
            try await log.publishAll([event(1), event(1, of: "other"), event(2, bytes: 11)])
        }
        #expect(fault?.code == .resourceExhausted)
        #expect(try await log.status().isEmpty)
        try await log.publishAll([event(1)])
        #expect(try await log.status().map(\.published) == [1])
    }

    @Test("refuses a publication or a body over the limit")
    func limits() async throws {
        var limits = EventLogLimits()
        limits.batch = 2
        limits.body = 10
        let log = try await open(limits)
        try await log.publish([event(1, bytes: 10), event(2)])
        await #expect(throws: Fault.self) { try await log.publish([event(3), event(4), event(5)]) }
        let refusal = PublishRefusal(.requestTooLarge, "a body is over the limit")
        #expect(try await log.publish([event(3, bytes: 11)]) == [.refused(refusal)])
    }

    @Test("refuses an invalid topic name and creates no topic", arguments: ["", "a/1", "a b"])
    func names(topic: String) async throws {
        let log = try await open()
        let refusal = await #expect(throws: Fault.self) {
            _ = try await log.join(topic: topic, group: "g", start: .earliest)
        }
        #expect(refusal?.code == .invalidArgument)
        #expect(try await log.status().isEmpty)
    }

    @Test("text fields over their limits are violations")
    func texts() {
        let names = ["id", "source", "topic", "key", "traceparent", "tenant"]
        func violations(_ length: Int) -> [String] {
            let text = String(repeating: "x", count: length)
            let event = Envelope(
                id: text,
                source: text,
                epoch: 1,
                topic: text,
                key: text,
                sequence: 1,
                time: time.date,
                traceparent: text,
                tenant: text,
                body: []
            )
            var violations: [FieldViolation] = []
            EventRecord(event).check(&violations, at: "")
            return violations.map(\.field)
        }
        #expect(violations(255) == [])
        #expect(violations(256) == names.filter { $0 != "id" })
        #expect(violations(1_025) == names)
    }

    @Test("an event that an older version has stored does not state since when its key exists; a new one does")
    func keySince() async throws {
        try await database.migrate(EventLogTables.migrations.filter { $0.module != "eventlog.since" })
        try await database.transaction { tx in
            try tx.run("INSERT INTO log_topics (id, name) VALUES (1, 'things')")
            try tx.run("INSERT INTO log_partitions (topic_id, partition, head) VALUES (1, 0, 1)")
            try tx.run(
                """
                INSERT INTO log_events (topic_id, partition, number, id, source, epoch, key, sequence, time, tenant, body,
                    stored_at)
                VALUES (1, 0, 1, 'k/1', 'test', 1, 'k', 1, 5, '', \([UInt8](repeating: 7, count: 1)), 5)
                """
            )
        }
        let log = try await open()
        let since = Timestamp(seconds: 3)
        try await log.publish([event(2, since: since)])
        let received = try await log.join(topic: "things", group: "g", start: .earliest).receive(limit: 5)
        #expect(received.map(\.event.sequence) == [1, 2])
        #expect(received.map(\.event.keySince) == [nil, since])
    }

    @Test("removes a member whose delivery times out, and redelivers to another")
    func removed() async throws {
        let log = try await open()
        try await log.publish([event(1)])
        let dead = try await log.join(topic: "things", group: "g", start: .earliest)
        let received = try await dead.receive(limit: 1)
        let alive = try await log.join(topic: "things", group: "g", start: .earliest)
        time.advance(by: EventLogLimits().acknowledgementTimeout + .seconds(1))

        let again = try await alive.receive(limit: 1)
        #expect(again.map(\.event) == received.map(\.event))
        await #expect(throws: Fault.self) { try await dead.acknowledge(received.map(\.id)) }
        await #expect(throws: Fault.self) { try await dead.receive(limit: 1) }
    }

    @Test("a delivery wakes waiting members, so that they notice its timeout")
    func waiting() {
        var state = EventLogState()
        let (start, timeout) = (time.now, Duration.seconds(60))
        let membership = EventLogState.Membership(topic: "things", group: "g", service: "test", window: 10)
        state.add(EventLogStore.Topic(id: 1, name: "things", heads: [0]))
        let position = EventLogStore.Position(floor: 0, done: [])
        state.add(EventLogStore.Group(topic: "things", name: "g", positions: [position]))
        let (holder, _) = state.join(membership, Signal(), at: time.date)
        let (waiter, _) = state.join(membership, Signal(), at: time.date)
        func wait(at moment: Moment) -> Moment? {
            guard case .wait(let until) = state.poll(waiter, limit: 1, timeout: timeout, at: moment).step else {
                return nil
            }
            return until
        }
        #expect(wait(at: start) == nil)

        _ = state.published([("things", 0, 1)])
        let polled = state.poll(holder, limit: 1, timeout: timeout, at: start)
        #expect(polled.woken.count == 2)
        #expect(wait(at: start) == start + timeout)

        let late = state.poll(waiter, limit: 1, timeout: timeout, at: start + timeout)
        guard case .deliver(let dispatches, _) = late.step else { Issue.record("nothing was delivered"); return }
        #expect(dispatches.map(\.attempt) == [2])
    }

    @Test("a publication on several partitions wakes each member once")
    func wakesOnce() {
        var state = EventLogState()
        for (id, topic) in ["things", "others"].enumerated() {
            state.add(EventLogStore.Topic(id: id + 1, name: topic, heads: [0, 0, 0]))
            let positions = (0..<3).map { _ in EventLogStore.Position(floor: 0, done: []) }
            for group in ["g", "h"] {
                let name = ExactText(topic)
                state.add(EventLogStore.Group(topic: topic, name: group, positions: positions))
                let membership = EventLogState.Membership(
                    topic: name,
                    group: ExactText(group),
                    service: "test",
                    window: 10
                )
                _ = state.join(membership, Signal(), at: time.date)
            }
        }
        #expect(state.published([("things", 0, 1), ("things", 2, 1)]).count == 2)
        #expect(state.published([("things", 0, 2), ("others", 1, 1), ("unknown", 0, 1)]).count == 4)
        #expect(state.topics["things"]?.heads == [2, 0, 1])
        let polled = state.poll(1, limit: 10, timeout: .seconds(60), at: time.now)
        guard case .deliver(let dispatches, _) = polled.step else {
            Issue.record("nothing was delivered")
            return
        }
        #expect(dispatches.map(\.id.offset) == [1, 2, 1])
    }

    private func numbers() async throws -> [Int] {
        try await database.read { tx in
            try tx.run("SELECT sequence FROM log_events ORDER BY sequence").map { try $0.int(0) }
        }
    }
}

/// A database that loses its connection once, directly after a commit.
private final class DisconnectingDatabase: ForwardingDatabase {
    let breaks = Mutex(false)
    let database: any SQLDatabase

    init(to database: any SQLDatabase) { self.database = database }

    func transaction<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        let result = try await database.transaction(name, options: options, body)
        let isBroken = breaks.withLock { breaks in
            defer { breaks = false }
            return breaks
        }
        if isBroken { throw SQLError(.outcomeUnknown, code: "08007", message: "the connection broke at the commit") }
        return result
    }
}
