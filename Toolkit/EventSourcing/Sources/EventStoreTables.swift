import MartletSQL

/// The tables of the module `event_sourcing`.
///
/// Retention: events are never deleted; only the newest snapshot of each stream is stored.
enum EventStoreTables {
    static let migrations = [
        Migration(
            "event_sourcing",
            1,
            [
                """
                CREATE TABLE es_events (
                    stream TEXT NOT NULL, version BIGINT NOT NULL, type TEXT NOT NULL, schema BIGINT NOT NULL,
                    body TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (stream, version))
                """,
                """
                CREATE TABLE es_snapshots (
                    stream TEXT PRIMARY KEY, version BIGINT NOT NULL, schema BIGINT NOT NULL, state TEXT NOT NULL,
                    at BIGINT NOT NULL)
                """,
            ]
        )
    ]
}
