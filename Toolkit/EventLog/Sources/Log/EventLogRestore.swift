package import MartletSQL

/// What a restore needs of a log's database while no log runs on it.
package enum EventLogRestore {
    /// Where a stored event is: pages continue after it.
    package struct Position: Sendable {
        let topic: Int
        let partition: Int
        let number: Int64
    }

    /// The number of a stored event in its key.
    package struct Event: Sendable {
        package let topic: String
        package let key: String
        package let epoch: Int
        package let sequence: Int64
        let position: Position
    }

    /// Events of one page.
    static let pageLimit = 10_000

    /// Brings the schema up to date.
    package static func migrate(_ database: any SQLDatabase) async throws {
        try await database.migrate(EventLogTables.migrations + EventLogAuditViews.migrations)
    }

    /// Has every group go back to the oldest stored event.
    ///
    /// An acknowledgement may be of a consumer that has been restored since. A repeat changes nothing more.
    ///
    /// - Returns: The number of groups.
    package static func rewind(in tx: borrowing SQLTransaction) throws -> Int {
        var count = 0
        for topic in try EventLogStore.topics(in: tx) {
            let floors = try EventLogStore.oldestFloors(of: topic.id, in: tx)
            for group in try EventLogStore.groups(of: topic, in: tx) {
                try EventLogStore.rewind(group.name, of: topic.id, to: floors, in: tx)
                count += 1
            }
        }
        return count
    }

    /// Records a restore in the log's audit, in its own transaction; each restore is an act.
    ///
    /// - Parameters:
    ///   - who: The user of the machine.
    ///   - file: The backup; `nil` when the log was lost, and is empty.
    ///   - groups: How many groups go back.
    package static func record(
        by who: String,
        from file: String?,
        groups: Int,
        in tx: borrowing SQLTransaction
    ) throws {
        let why = file.map { "from \($0)" } ?? "the log was lost"
        let action = EventLogAudit.Action(who: who, name: "database.restore", target: "eventlog", why: why)
        try EventLogAudit.write(action, before: "", after: "\(groups) groups go back", in: tx)
    }

    /// The highest epoch of a source that the log holds; `nil` when it holds no event of it.
    package static func highestEpoch(of source: String, in tx: borrowing SQLTransaction) throws -> Int? {
        try tx.run("SELECT MAX(epoch) FROM log_events WHERE source = \(source)").first?.intIfPresent(0)
    }

    /// The events of a source by their places, after one; empty when there are no more.
    package static func events(
        of source: String,
        after event: Event? = nil,
        in tx: borrowing SQLTransaction
    ) throws -> [Event] {
        let position = event?.position ?? Position(topic: -1, partition: -1, number: -1)
        return try tx.run(
            """
            SELECT t.name, e.key, e.epoch, e.sequence, e.topic_id, e.partition, e.number
            FROM log_events e JOIN log_topics t ON t.id = e.topic_id
            WHERE e.source = \(source) AND (e.topic_id, e.partition, e.number)
                > (\(position.topic), \(position.partition), \(position.number))
            ORDER BY e.topic_id, e.partition, e.number LIMIT \(pageLimit)
            """
        ).map {
            try Event(
                topic: $0.text(0),
                key: $0.text(1),
                epoch: $0.int(2),
                sequence: $0.int64(3),
                position: Position(topic: $0.int(4), partition: $0.int(5), number: $0.int64(6))
            )
        }
    }
}
