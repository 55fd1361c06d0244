import MartletSQL

/// The table of the module `outbox.resends`.
enum ResendTables {
    static let migrations = [
        Migration(
            "outbox.resends",
            1,
            [
                // Never deleted. `state` is running, done or stopped; an empty topic or key stands for all. The cursor is the
                // last row that was read; the next batch is due at `due_at`.
                """
                CREATE TABLE outbox_resends (
                    number BIGINT PRIMARY KEY, since BIGINT NOT NULL, topic TEXT NOT NULL, key TEXT NOT NULL,
                    rate BIGINT NOT NULL, state TEXT NOT NULL, events BIGINT NOT NULL, cursor_topic TEXT NOT NULL,
                    cursor_key TEXT NOT NULL, cursor_epoch BIGINT NOT NULL, cursor_sequence BIGINT NOT NULL,
                    due_at BIGINT NOT NULL, started_at BIGINT NOT NULL, changed_at BIGINT NOT NULL)
                """,
                "CREATE INDEX outbox_resends_running ON outbox_resends (due_at) WHERE state = 'running'",
            ]
        )
    ]
}
