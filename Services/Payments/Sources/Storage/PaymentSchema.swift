import MartletSQL

enum PaymentSchema {
    static let retentions = [
        TableRetention("payments", .permanent(bound: "one for each order that is paid")),
        TableRetention("refunds", .permanent(bound: "one for each refund")),
        TableRetention("ledger", .permanent(bound: "two for each capture and refund")),
        TableRetention("disagreements", .until("an operator has corrected it at the provider")),
    ]

    static let migrations = [
        Migration(
            "payments",
            1,
            [
                """
                CREATE TABLE payments (
                    id TEXT PRIMARY KEY,
                    order_id TEXT NOT NULL,
                    currency TEXT NOT NULL,
                    amount BIGINT NOT NULL CHECK (amount >= 0),
                    method TEXT NOT NULL,
                    status TEXT NOT NULL,
                    provider_id TEXT,
                    attempt BIGINT NOT NULL,
                    key_since BIGINT NOT NULL,
                    refunded BIGINT NOT NULL CHECK (refunded >= 0 AND refunded <= amount),
                    created_at BIGINT NOT NULL
                )
                """,
                "CREATE INDEX payments_by_status ON payments (status, created_at)",
                """
                CREATE TABLE refunds (
                    payment_id TEXT NOT NULL REFERENCES payments (id),
                    id TEXT NOT NULL,
                    amount BIGINT NOT NULL CHECK (amount > 0),
                    done BIGINT NOT NULL,
                    attempt BIGINT NOT NULL,
                    key_since BIGINT NOT NULL,
                    PRIMARY KEY (payment_id, id)
                )
                """,
                """
                CREATE TABLE ledger (
                    journal TEXT NOT NULL,
                    line BIGINT NOT NULL,
                    account TEXT NOT NULL,
                    currency TEXT NOT NULL,
                    debit BIGINT NOT NULL CHECK (debit >= 0),
                    credit BIGINT NOT NULL CHECK (credit >= 0),
                    at BIGINT NOT NULL,
                    PRIMARY KEY (journal, line)
                )
                """,
            ]
        ),
        // A module of its own: an earlier version still starts.
        Migration(
            "payments.disagreements",
            1,
            [
                """
                CREATE TABLE disagreements (
                    payment_id TEXT PRIMARY KEY REFERENCES payments (id),
                    refund_id TEXT,
                    difference TEXT NOT NULL,
                    since BIGINT NOT NULL
                )
                """,
                "CREATE INDEX disagreements_by_time ON disagreements (since, payment_id)",
            ]
        ),
    ]
}
