import MartletSQL

/// The views of event streams for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum EventStoreAuditViews {
    static let migrations = [
        Migration(
            "event_sourcing.audit",
            1,
            [
                """
                CREATE VIEW audit_stream_events AS SELECT stream, version, type, body, at FROM es_events
                """
            ]
        )
    ]
}
