import MartletSQL

enum ProviderSchema {
    static let retentions = [
        TableRetention("keys", .purged(after: KeyStore.lifetime, since: "the first call", by: "forget keys")),
        TableRetention("payments", .permanent(bound: "one for each authorisation")),
        TableRetention("ledger", .permanent(bound: "one for each change of a payment")),
    ]

    static let migrations = [
        Migration(
            "provider",
            1,
            [
                """
                CREATE TABLE keys (
                    key TEXT PRIMARY KEY,
                    parameters BLOB NOT NULL,
                    reference TEXT NOT NULL,
                    outcome TEXT NOT NULL,
                    provider_id TEXT,
                    at BIGINT NOT NULL
                )
                """,
                "CREATE INDEX keys_by_reference ON keys (reference)",
                "CREATE INDEX keys_by_time ON keys (at)",
                """
                CREATE TABLE payments (
                    provider_id TEXT PRIMARY KEY,
                    reference TEXT NOT NULL,
                    status TEXT NOT NULL,
                    currency TEXT NOT NULL,
                    amount BIGINT NOT NULL CHECK (amount > 0),
                    captured BIGINT NOT NULL CHECK (captured IN (0, amount)),
                    refunded BIGINT NOT NULL CHECK (refunded BETWEEN 0 AND captured),
                    created_at BIGINT NOT NULL
                )
                """,
                "CREATE INDEX payments_by_reference ON payments (reference)",
                """
                CREATE TABLE ledger (
                    entry_id TEXT PRIMARY KEY,
                    provider_id TEXT NOT NULL REFERENCES payments (provider_id),
                    kind TEXT NOT NULL,
                    reference TEXT NOT NULL,
                    amount BIGINT NOT NULL CHECK (amount > 0),
                    at BIGINT NOT NULL
                )
                """,
                "CREATE INDEX ledger_by_payment ON ledger (provider_id, entry_id)",
            ]
        )
    ]
}
