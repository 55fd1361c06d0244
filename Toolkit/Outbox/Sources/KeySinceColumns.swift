import MartletSQL

/// The modules `outbox.since` and `inbox.since`: since when the key of an event exists.
///
/// NULL when that is not known, as for keys of before this was stored: they count as older than any group.
enum KeySinceColumns {
    static let migrations = [
        Migration(
            "outbox.since",
            1,
            [
                // The commit of number 1 of the present epoch.
                "ALTER TABLE outbox_keys ADD COLUMN first_time BIGINT",
                // The same for the epoch of the event.
                "ALTER TABLE outbox ADD COLUMN key_since BIGINT",
            ]
        ),
        Migration(
            "inbox.since",
            1,
            [
                "ALTER TABLE inbox_parked ADD COLUMN key_since BIGINT",
                "ALTER TABLE inbox_late ADD COLUMN key_since BIGINT",
            ]
        ),
    ]
}
