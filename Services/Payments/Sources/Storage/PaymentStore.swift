import MartletCore
import MartletOutbox
import MartletSQL

/// The tables of payments, refunds and the ledger: the only file that writes them.
struct PaymentStore: Sendable {
    func payment(_ id: String, in tx: borrowing SQLTransaction) throws -> Payment? {
        let rows = try tx.run(
            """
            SELECT id, order_id, currency, amount, method, status, provider_id, attempt, key_since, refunded,
                created_at
            FROM payments WHERE id = \(id)
            """
        )
        return rows.first.map { row in
            Payment(
                id: row.text(0),
                orderID: row.text(1),
                currency: row.text(2),
                amount: row.int64(3),
                method: row.text(4),
                status: Payment.Status(rawValue: row.text(5)) ?? .authorising,
                providerID: row.textIfPresent(6),
                attempt: row.int(7),
                keySince: Timestamp(microseconds: row.int64(8)),
                refundedMinorUnits: row.int64(9),
                created: Timestamp(microseconds: row.int64(10))
            )
        }
    }

    /// Saves the payment and publishes it, unless a provider call is in flight.
    func save(_ payment: Payment, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO payments
                (id, order_id, currency, amount, method, status, provider_id, attempt, key_since, refunded, created_at)
            VALUES (\(payment.id), \(payment.orderID), \(payment.currency), \(payment.amount), \(payment.method),
                \(payment.status.rawValue), \(payment.providerID), \(payment.attempt),
                \(payment.keySince.microseconds), \(payment.refundedMinorUnits), \(tx.date.microseconds))
            ON CONFLICT (id) DO UPDATE SET status = excluded.status, provider_id = excluded.provider_id,
                attempt = excluded.attempt, key_since = excluded.key_since, refunded = excluded.refunded
            """
        )
        switch payment.status {
        case .authorised, .declined, .captured, .voided: try tx.append(try payment.event)
        case .authorising, .capturing, .voiding: break
        }
    }

    func refund(_ id: String, of paymentID: String, in tx: borrowing SQLTransaction) throws -> Refund? {
        try tx.run(
            "SELECT amount, done, attempt, key_since FROM refunds WHERE payment_id = \(paymentID) AND id = \(id)"
        ).first.map { row in
            Refund(
                id: id,
                paymentID: paymentID,
                amount: row.int64(0),
                isDone: row.bool(1),
                attempt: row.int(2),
                keySince: Timestamp(microseconds: row.int64(3))
            )
        }
    }

    func save(_ refund: Refund, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO refunds (payment_id, id, amount, done, attempt, key_since)
            VALUES (\(refund.paymentID), \(refund.id), \(refund.amount), \(refund.isDone), \(refund.attempt),
                \(refund.keySince.microseconds))
            ON CONFLICT (payment_id, id) DO UPDATE SET done = excluded.done, attempt = excluded.attempt,
                key_since = excluded.key_since
            """
        )
    }

    /// The sum of all refunds of a payment, including those in flight.
    func refundsRequested(of paymentID: String, in tx: borrowing SQLTransaction) throws -> Int64 {
        try tx.run("SELECT COALESCE(SUM(amount), 0) FROM refunds WHERE payment_id = \(paymentID)")[0].int64(0)
    }

    /// - Throws: `SQLError` of the kind `constraint` when the journal was posted before.
    func post(_ posting: Posting, in tx: borrowing SQLTransaction) throws {
        for (index, entry) in posting.entries.enumerated() {
            try tx.run(
                """
                INSERT INTO ledger (journal, line, account, currency, debit, credit, at)
                VALUES (\(posting.journal), \(index + 1), \(entry.account.rawValue), \(posting.currency),
                    \(entry.debit), \(entry.credit), \(tx.date.microseconds))
                """
            )
        }
    }
}
