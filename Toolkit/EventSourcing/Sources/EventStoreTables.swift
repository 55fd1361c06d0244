import MartletSQL

/// The tables of the room `event_sourcing`.
///
/// Retention: events are kept for ever, being the truth; of snapshots only the newest of each stream.
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
