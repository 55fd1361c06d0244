import MartletSQL

/// The views of the event log for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum EventLogAuditViews {
    static let migrations = [
        Migration(
            "eventlog.audit",
            1,
            [
                """
                CREATE VIEW audit_log_events AS
                    SELECT topic.name AS topic, event.partition AS partition, event.number AS number,
                        event.id AS event_id, event.source AS source, event.epoch AS epoch, event.key AS key,
                        event.sequence AS sequence, event.time AS at, event.stored_at AS stored_at
                    FROM log_events AS event JOIN log_topics AS topic ON topic.id = event.topic_id
                """,
                // Acknowledged are all events up to the floor, and single ones above it.
                """
                CREATE VIEW audit_log_groups AS
                    SELECT topic.name AS topic, position.group_name AS group_name, position.partition AS partition,
                        log.head AS published,
                        position.floor + (
                            SELECT COUNT(*) FROM log_acknowledged AS above
                            WHERE above.topic_id = position.topic_id AND above.group_name = position.group_name
                                AND above.partition = position.partition AND above.number > position.floor
                        ) AS acknowledged
                    FROM log_positions AS position
                    JOIN log_topics AS topic ON topic.id = position.topic_id
                    JOIN log_partitions AS log
                        ON log.topic_id = position.topic_id AND log.partition = position.partition
                """,
            ]
        )
    ]
}
