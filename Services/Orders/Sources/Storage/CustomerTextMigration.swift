import MartletSQL

/// Moves what customers wrote out of events and the read model, where it stood until then.
enum CustomerTextMigration {
    /// It breaks older programs: they would write texts into events again, and cannot read the events of later ones.
    ///
    /// Every text is moved: one past its retention is not shown, and the next run of the job deletes it. An event of before
    /// keeps its schema, gets the id of its text, and is read by ``OrderEvent/upcasters``.
    static let table = Migration(
        "orders",
        4,
        [
            """
            CREATE TABLE customer_texts (
                id TEXT PRIMARY KEY,
                customer_id TEXT NOT NULL,
                written_at BIGINT NOT NULL,
                text TEXT NOT NULL
            )
            """,
            "CREATE INDEX customer_texts_by_age ON customer_texts (written_at)",
            "ALTER TABLE order_headlines ADD COLUMN reason_text_id TEXT",
            """
            INSERT INTO customer_texts (id, customer_id, written_at, text)
            SELECT event.stream || '/cancel', headline.customer_id, event.at,
                json_extract(event.body, '$.cancelRequested.reason')
            FROM es_events AS event JOIN order_headlines AS headline ON headline.order_id = event.stream
            WHERE event.type = 'cancel_requested' AND json_extract(event.body, '$.cancelRequested.reason') <> ''
            ON CONFLICT (id) DO NOTHING
            """,
            """
            UPDATE es_events SET body = json_set(body, '$.cancelRequested.reason', '',
                '$.cancelRequested.textID', stream || '/cancel')
            WHERE type = 'cancel_requested' AND json_extract(body, '$.cancelRequested.reason') <> ''
            """,
            """
            UPDATE es_events SET body = json_set(body, '$.cancelled.reason', '',
                '$.cancelled.textID', stream || '/cancel')
            WHERE type = 'cancelled' AND json_extract(body, '$.cancelled.reason') <> ''
            """,
            """
            UPDATE order_headlines SET reason = '', reason_text_id = order_id || '/cancel'
            WHERE status = 'cancelled' AND reason <> ''
            """,
        ],
        postgres: [3: nil, 4: nil, 5: nil, 6: nil],
        breaks: true
    )
}
