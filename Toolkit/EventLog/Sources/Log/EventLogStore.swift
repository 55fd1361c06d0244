import MartletCore
import MartletMessaging
import MartletSQL

/// The log's statements on its tables.
enum EventLogStore {
    struct Topic: Sendable {
        let id: Int
        let name: String
        /// Last offset by partition; 0 when there is none.
        let heads: [Int64]
        /// `nil` for the log's own retention.
        var retention: Duration?
        /// As its publisher declares them; `nil` when it declares none.
        var declaredPartitions: Int?
        /// The declared groups, with the time when each last had a member.
        var declared: [ExactText: Timestamp] = [:]
        /// The services of the groups that belong to one.
        var owners: [ExactText: ExactText] = [:]
    }

    struct Group: Sendable {
        let topic: String
        let name: String
        let positions: [Position]
    }

    struct Position: Sendable {
        let floor: Int64
        let done: [Int64]
    }

    /// Pending acknowledgements of one group.
    struct Progress: Sendable {
        let topicID: Int
        let group: String
        let floors: [Int64]
        let fresh: [DeliveryID]
    }

    // MARK: Topics and groups

    static func topics(in tx: borrowing SQLTransaction) throws -> [Topic] {
        try tx.run("SELECT id, name, retention_seconds, declared_partitions FROM log_topics ORDER BY id").map { row in
            let id = try row.int(0)
            var topic = try Topic(
                id: id,
                name: row.text(1),
                heads: heads(of: id, in: tx),
                retention: row.intIfPresent(2).map { .seconds($0) },
                declaredPartitions: row.intIfPresent(3)
            )
            for group in try tx.run(
                "SELECT group_name, last_seen_at, service FROM log_groups WHERE topic_id = \(id)"
            ) {
                let name = ExactText(try group.text(0))
                topic.declared[name] = Timestamp(microseconds: try group.int64(1))
                if let service = try group.textIfPresent(2) { topic.owners[name] = ExactText(service) }
            }
            return topic
        }
    }

    /// Groups of before they were declared count as seen now.
    static func begin(in tx: borrowing SQLTransaction) throws {
        try tx.run("UPDATE log_groups SET last_seen_at = \(tx.date.microseconds) WHERE last_seen_at IS NULL")
    }

    static func setRetention(_ retention: Duration?, of topic: Int, in tx: borrowing SQLTransaction) throws {
        let seconds = retention.map { Int($0.components.seconds) }
        try tx.run("UPDATE log_topics SET retention_seconds = \(seconds) WHERE id = \(topic)")
    }

    /// Stores what the topic's publisher declares; the topic keeps the partitions that it has.
    static func setDeclaredPartitions(_ partitions: Int?, of topic: Int, in tx: borrowing SQLTransaction) throws {
        try tx.run("UPDATE log_topics SET declared_partitions = \(partitions) WHERE id = \(topic)")
    }

    /// A repeat by the same service does nothing; a group of before belongs to it then.
    ///
    /// - Returns: When the group was last seen: now for a new one.
    /// - Throws: `Fault` when it belongs to another service.
    static func declare(
        _ group: String,
        of topic: Int,
        by service: ExactText,
        in tx: borrowing SQLTransaction
    ) throws -> Timestamp {
        let now = try tx.date
        let rows = try tx.run(
            """
            INSERT INTO log_groups (topic_id, group_name, declared_at, last_seen_at, service)
            VALUES (\(topic), \(group), \(now.microseconds), \(now.microseconds), \(service.text))
            ON CONFLICT (topic_id, group_name) DO UPDATE SET last_seen_at = log_groups.last_seen_at,
                service = COALESCE(log_groups.service, excluded.service)
            RETURNING last_seen_at, service
            """
        )
        guard let row = rows.first else { throw SQLError(.misuse, code: "", message: "no such group") }
        let owner = ExactText(try row.text(1))
        guard owner == service else { throw BusPolicy.Denial.foreignGroup(group, of: owner, service).fault }
        return Timestamp(microseconds: try row.int64(0))
    }

    /// Stores that the groups have members now.
    static func seen(_ groups: [(topic: Int, group: String)], in tx: borrowing SQLTransaction) throws {
        for (topic, group) in groups {
            try tx.run(
                """
                UPDATE log_groups SET last_seen_at = \(tx.date.microseconds)
                WHERE topic_id = \(topic) AND group_name = \(group)
                """
            )
        }
    }

    static func makeTopic(_ name: String, partitions: Int, in tx: borrowing SQLTransaction) throws -> Topic {
        if let known = try tx.run("SELECT id FROM log_topics WHERE name = \(name)").first {
            return try Topic(id: known.int(0), name: name, heads: heads(of: known.int(0), in: tx))
        }
        let id = try tx.run("SELECT COALESCE(MAX(id), 0) + 1 FROM log_topics").first?.int(0) ?? 1
        try tx.run("INSERT INTO log_topics (id, name) VALUES (\(id), \(name))")
        for partition in 0..<partitions {
            try tx.run("INSERT INTO log_partitions (topic_id, partition, head) VALUES (\(id), \(partition), 0)")
        }
        return Topic(id: id, name: name, heads: Array(repeating: 0, count: partitions))
    }

    private static func heads(of topic: Int, in tx: borrowing SQLTransaction) throws -> [Int64] {
        try tx.run("SELECT head FROM log_partitions WHERE topic_id = \(topic) ORDER BY partition").map {
            try $0.int64(0)
        }
    }

    static func groups(of topic: Topic, in tx: borrowing SQLTransaction) throws -> [Group] {
        try tx.run("SELECT DISTINCT group_name FROM log_positions WHERE topic_id = \(topic.id) ORDER BY group_name")
            .map { row in
                let name = try row.text(0)
                return Group(topic: topic.name, name: name, positions: try positions(topic.id, name, in: tx))
            }
    }

    /// The group's positions; a new group is stored at its start position.
    static func makeGroup(
        _ name: String,
        of topic: Int,
        by service: ExactText,
        start: GroupStart,
        in tx: borrowing SQLTransaction
    ) throws -> [Position] {
        _ = try declare(name, of: topic, by: service, in: tx)
        let known = try positions(topic, name, in: tx)
        guard known.isEmpty else { return known }
        let floors = start == .latest ? try heads(of: topic, in: tx) : try oldestFloors(of: topic, in: tx)
        for (partition, floor) in floors.enumerated() {
            try tx.run(
                """
                INSERT INTO log_positions (topic_id, group_name, partition, floor)
                VALUES (\(topic), \(name), \(partition), \(floor))
                """
            )
        }
        return try positions(topic, name, in: tx)
    }

    /// The floors of a group to which everything that is stored is delivered.
    static func oldestFloors(of topic: Int, in tx: borrowing SQLTransaction) throws -> [Int64] {
        var floors: [Int64] = []
        for (partition, head) in try heads(of: topic, in: tx).enumerated() {
            let oldest = try tx.run(
                "SELECT MIN(number) FROM log_events WHERE topic_id = \(topic) AND partition = \(partition)"
            ).first?.intIfPresent(0)
            floors.append(oldest.map { Int64($0) - 1 } ?? head)
        }
        return floors
    }

    /// Stores that a group has acknowledged nothing above these floors.
    static func rewind(_ name: String, of topic: Int, to floors: [Int64], in tx: borrowing SQLTransaction) throws {
        for (partition, floor) in floors.enumerated() {
            try tx.run(
                """
                UPDATE log_positions SET floor = \(floor) WHERE topic_id = \(topic) AND group_name = \(name)
                    AND partition = \(partition)
                """
            )
        }
        try tx.run("DELETE FROM log_acknowledged WHERE topic_id = \(topic) AND group_name = \(name)")
    }

    private static func positions(_ topic: Int, _ group: String, in tx: borrowing SQLTransaction) throws -> [Position] {
        try tx.run(
            """
            SELECT partition, floor FROM log_positions WHERE topic_id = \(topic) AND group_name = \(group)
            ORDER BY partition
            """
        ).map { row in
            let done = try tx.run(
                """
                SELECT number FROM log_acknowledged WHERE topic_id = \(topic) AND group_name = \(group)
                    AND partition = \(row.int(0)) AND number > \(row.int64(1)) ORDER BY number
                """
            )
            return try Position(floor: row.int64(1), done: done.map { try $0.int64(0) })
        }
    }

    static func write(_ progress: [Progress], in tx: borrowing SQLTransaction) throws {
        for group in progress {
            for id in group.fresh where id.offset > group.floors[id.partition] {
                try tx.run(
                    """
                    INSERT INTO log_acknowledged (topic_id, group_name, partition, number)
                    VALUES (\(group.topicID), \(group.group), \(id.partition), \(id.offset)) ON CONFLICT DO NOTHING
                    """
                )
            }
            for partition in Set(group.fresh.map(\.partition)).sorted() {
                let floor = group.floors[partition]
                try tx.run(
                    """
                    UPDATE log_positions SET floor = \(floor) WHERE topic_id = \(group.topicID)
                        AND group_name = \(group.group) AND partition = \(partition) AND floor < \(floor)
                    """
                )
                try tx.run(
                    """
                    DELETE FROM log_acknowledged WHERE topic_id = \(group.topicID) AND group_name = \(group.group)
                        AND partition = \(partition) AND number <= \(floor)
                    """
                )
            }
        }
    }

    // MARK: Events

    /// Stores the events of one partition in order; returns the new head.
    static func store(
        _ events: [Envelope],
        topic: Int,
        partition: Int,
        in tx: borrowing SQLTransaction
    ) throws -> Int64 {
        let rows = try tx.run(
            """
            UPDATE log_partitions SET head = head + \(events.count)
            WHERE topic_id = \(topic) AND partition = \(partition) RETURNING head
            """
        )
        guard let head = try rows.first?.int64(0) else {
            throw SQLError(.misuse, code: "", message: "no such partition")
        }
        let first = head - Int64(events.count) + 1
        for (index, event) in events.enumerated() {
            try tx.run(
                """
                INSERT INTO log_events (topic_id, partition, number, id, source, epoch, key, sequence, time, key_since,
                    traceparent, tenant, type, content_type, body, stored_at)
                VALUES (\(topic), \(partition), \(first + Int64(index)), \(event.id), \(event.source), \(event.epoch),
                    \(event.key), \(event.sequence), \(event.time.microseconds), \(event.keySince?.microseconds),
                    \(event.traceparent), \(event.tenant), \(event.type?.name), \(event.type?.contentType), \(event.body),
                    \(tx.date.microseconds))
                """
            )
        }
        return head
    }

    /// The events at these positions that still exist.
    static func read(
        _ ids: [DeliveryID],
        topic: Int,
        name: String,
        in tx: borrowing SQLTransaction
    ) throws -> [DeliveryID: Envelope] {
        var found: [DeliveryID: Envelope] = [:]
        for run in runs(ids) {
            let rows = try tx.run(
                """
                SELECT number, id, source, epoch, key, sequence, time, traceparent, tenant, body, type, content_type,
                    key_since
                FROM log_events WHERE topic_id = \(topic) AND partition = \(run.partition)
                    AND number BETWEEN \(run.first) AND \(run.last)
                """
            )
            for row in rows {
                try found[DeliveryID(partition: run.partition, offset: row.int64(0))] = Envelope(
                    id: row.text(1),
                    source: row.text(2),
                    epoch: row.int(3),
                    topic: name,
                    key: row.text(4),
                    sequence: row.int64(5),
                    time: Timestamp(microseconds: row.int64(6)),
                    keySince: row.intIfPresent(12).map { Timestamp(microseconds: Int64($0)) },
                    traceparent: row.textIfPresent(7),
                    tenant: row.text(8),
                    type: EventType(stored: row.textIfPresent(10), contentType: row.textIfPresent(11)),
                    body: row.bytes(9)
                )
            }
        }
        return found
    }

    private static func runs(_ ids: [DeliveryID]) -> [(partition: Int, first: Int64, last: Int64)] {
        var runs: [(partition: Int, first: Int64, last: Int64)] = []
        for id in ids.sorted() {
            if let last = runs.last, last.partition == id.partition, last.last + 1 == id.offset {
                runs[runs.count - 1].last = id.offset
            } else {
                runs.append((id.partition, id.offset, id.offset))
            }
        }
        return runs
    }
}
