import MartletSQL

/// The views of payments for auditors: a contract, described in `Docs/Guides/Operating.md`.
enum PaymentAuditViews {
    static let migrations = [
        Migration(
            "payments.audit",
            1,
            [
                """
                CREATE VIEW audit_payments AS
                    SELECT id AS payment_id, order_id, currency, amount, status, refunded, created_at FROM payments
                """,
                """
                CREATE VIEW audit_refunds AS
                    SELECT payment_id, id AS refund_id, amount, done AS is_done FROM refunds
                """,
                // A journal is `capture/PAYMENT` or `refund/PAYMENT/REFUND`.
                """
                CREATE VIEW audit_ledger AS
                    SELECT journal, line, substr(rest, 1, instr(rest || '/', '/') - 1) AS payment_id, account, currency,
                        debit, credit, at
                    FROM (SELECT *, substr(journal, instr(journal, '/') + 1) AS rest FROM ledger)
                """,
            ],
            postgres: [
                2: """
                CREATE VIEW audit_ledger AS
                    SELECT journal, line, substr(rest, 1, strpos(rest || '/', '/') - 1) AS payment_id, account, currency,
                        debit, credit, at
                    FROM (SELECT *, substr(journal, strpos(journal, '/') + 1) AS rest FROM ledger) AS journals
                """
            ]
        ),
        Migration(
            "payments.disagreements.audit",
            1,
            [
                "DROP VIEW audit_payments",
                """
                CREATE VIEW audit_payments AS
                    SELECT id AS payment_id, order_id, currency, amount,
                        CASE WHEN disagreements.payment_id IS NULL THEN status ELSE 'provider_disagrees' END AS status,
                        refunded, created_at
                    FROM payments LEFT JOIN disagreements ON disagreements.payment_id = payments.id
                """,
                """
                CREATE VIEW audit_payment_disagreements AS
                    SELECT disagreements.payment_id, refund_id, status, provider_id, difference, since
                    FROM disagreements JOIN payments ON payments.id = disagreements.payment_id
                """,
            ]
        ),
    ]
}
