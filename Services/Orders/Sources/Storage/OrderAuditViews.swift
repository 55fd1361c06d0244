import MartletSQL

/// The views of orders for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum OrderAuditViews {
    static let migrations = [
        Migration(
            "orders.audit",
            1,
            [
                """
                CREATE VIEW audit_orders AS
                    SELECT order_id, customer_id, reference, status, reason, currency, total, captured, refunded,
                        open_returns, placed_at
                    FROM order_headlines
                """,
                // The lines are only in the events: `Placement` and `OrderReturn` as stored.
                """
                CREATE VIEW audit_order_lines AS
                    SELECT event.stream AS order_id, line.key AS line, json_extract(line.value, '$.code') AS code,
                        json_extract(line.value, '$.isGoods') AS is_goods,
                        json_extract(line.value, '$.quantity') AS quantity
                    FROM audit_stream_events AS event, json_each(event.body, '$.placed._0.lines') AS line
                    WHERE event.type = 'placed'
                """,
                """
                CREATE VIEW audit_returned_lines AS
                    SELECT event.stream AS order_id, json_extract(event.body, '$.returnRequested._0.id') AS return_id,
                        json_extract(line.value, '$.line') AS line, json_extract(line.value, '$.quantity') AS quantity
                    FROM audit_stream_events AS event, json_each(event.body, '$.returnRequested._0.lines') AS line
                    WHERE event.type = 'return_requested'
                """,
            ],
            postgres: [
                1: """
                CREATE VIEW audit_order_lines AS
                    SELECT event.stream AS order_id, line.number - 1 AS line, line.value ->> 'code' AS code,
                        CASE line.value ->> 'isGoods' WHEN 'true' THEN 1 ELSE 0 END AS is_goods,
                        CAST(line.value ->> 'quantity' AS BIGINT) AS quantity
                    FROM audit_stream_events AS event
                    CROSS JOIN LATERAL jsonb_array_elements(CAST(event.body AS JSONB) #> '{placed,_0,lines}')
                        WITH ORDINALITY AS line (value, number)
                    WHERE event.type = 'placed'
                """,
                2: """
                CREATE VIEW audit_returned_lines AS
                    SELECT event.stream AS order_id,
                        CAST(event.body AS JSONB) #>> '{returnRequested,_0,id}' AS return_id,
                        CAST(line.value ->> 'line' AS BIGINT) AS line,
                        CAST(line.value ->> 'quantity' AS BIGINT) AS quantity
                    FROM audit_stream_events AS event
                    CROSS JOIN LATERAL jsonb_array_elements(CAST(event.body AS JSONB) #> '{returnRequested,_0,lines}')
                        AS line (value)
                    WHERE event.type = 'return_requested'
                """,
            ]
        ),
        // Without the texts: an auditor sees which there are, and how old they are.
        Migration(
            "orders.audit",
            2,
            [
                "CREATE VIEW audit_customer_texts AS SELECT id AS text_id, customer_id, written_at FROM customer_texts"
            ]
        ),
    ]
}
