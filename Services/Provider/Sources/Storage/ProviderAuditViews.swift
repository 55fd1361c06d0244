import MartletSQL

/// The views of the test provider for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum ProviderAuditViews {
    static let migrations = [
        Migration(
            "provider.audit",
            1,
            [
                """
                CREATE VIEW audit_provider_payments AS
                    SELECT provider_id, reference, status, currency, amount, captured, refunded, created_at
                    FROM payments
                """,
                """
                CREATE VIEW audit_provider_ledger AS
                    SELECT entry_id, provider_id, kind, reference, amount, at FROM ledger
                """,
            ]
        )
    ]
}
