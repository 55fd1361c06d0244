import MartletCore
import MartletOutbox
import MartletSQL

/// The tables of payments, refunds and the ledger: the only file that writes them.
struct PaymentStore: Sendable {
    /// - Throws: `UnreadableRow` for a status that this program does not have.
    func payment(_ id: String, in tx: borrowing SQLTransaction) throws -> Payment? {
        let rows = try tx.run(
            """
            SELECT id, order_id, currency, amount, method, status, provider_id, attempt, key_since, refunded,
                created_at, refund_id, difference, since
            FROM payments LEFT JOIN disagreements ON disagreements.payment_id = payments.id WHERE id = \(id)
            """
        )
        guard let row = rows.first else { return nil }
        let status = try row.decode(5, as: Payment.Status.self)
        let refunds = try status == .captured ? self.refunds(of: id, in: tx) : []
        return try Payment(
            id: row.text(0),
            terms: terms(row),
            status: status,
            providerID: row.textIfPresent(6),
            attempt: row.int(7),
            keySince: Timestamp(microseconds: row.int64(8)),
            refunds: refunds,
            refundedMinorUnits: row.int64(9),
            created: Timestamp(microseconds: row.int64(10)),
            disagreement: disagreement(row)
        )
    }

    private func disagreement(_ row: SQLRow) throws -> Disagreement? {
        guard let difference = try row.textIfPresent(12) else { return nil }
        return try Disagreement(
            refundID: row.textIfPresent(11),
            difference: difference,
            since: Timestamp(microseconds: row.int64(13))
        )
    }

    /// A payment that was voided before its authorisation was requested is stored with the amount 0.
    private func terms(_ row: SQLRow) throws -> Payment.Terms? {
        guard try row.int64(3) > 0 else { return nil }
        return try Payment.Terms(
            orderID: ExactText(row.text(1)),
            currency: ExactText(row.text(2)),
            amount: row.int64(3),
            method: ExactText(row.text(4))
        )
    }

    /// Saves what differs from `stored`, and publishes the payment unless a provider call is in flight.
    ///
    /// - Parameter stored: `nil` for a new payment.
    func save(_ payment: Payment, replacing stored: Payment?, in tx: borrowing SQLTransaction) throws {
        var row = payment
        row.refunds = stored?.refunds ?? []
        row.disagreement = stored?.disagreement
        if row != stored { try save(payment, in: tx) }
        for refund in payment.refunds where stored?.refunds.contains(refund) != true { try save(refund, in: tx) }
        if payment.disagreement != stored?.disagreement {
            try save(payment.disagreement, of: payment.id, in: tx)
        }
    }

    private func save(_ payment: Payment, in tx: borrowing SQLTransaction) throws {
        let terms = payment.terms
        try tx.run(
            """
            INSERT INTO payments
                (id, order_id, currency, amount, method, status, provider_id, attempt, key_since, refunded, created_at)
            VALUES (\(payment.id), \(terms?.orderID ?? ""), \(terms?.currency ?? ""), \(terms?.amount ?? 0),
                \(terms?.method ?? ""), \(payment.status.rawValue), \(payment.providerID), \(payment.attempt),
                \(payment.keySince.microseconds), \(payment.refundedMinorUnits), \(payment.created.microseconds))
            ON CONFLICT (id) DO UPDATE SET status = excluded.status, provider_id = excluded.provider_id,
                attempt = excluded.attempt, key_since = excluded.key_since, refunded = excluded.refunded
            """
        )
        switch payment.status {
        case .authorised, .declined, .captured, .voided: try tx.append(try payment.event)
        case .authorising, .capturing, .voiding: break
        }
    }

    private func refunds(of paymentID: String, in tx: borrowing SQLTransaction) throws -> [Refund] {
        try tx.run(
            """
            SELECT id, amount, done, attempt, key_since FROM refunds WHERE payment_id = \(paymentID) ORDER BY id
            """
        ).map { row in
            try Refund(
                id: row.text(0),
                paymentID: paymentID,
                amount: row.int64(1),
                isDone: row.bool(2),
                attempt: row.int(3),
                keySince: Timestamp(microseconds: row.int64(4))
            )
        }
    }

    private func save(_ refund: Refund, in tx: borrowing SQLTransaction) throws {
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

    private func save(_ disagreement: Disagreement?, of paymentID: String, in tx: borrowing SQLTransaction) throws {
        guard let disagreement else {
            try tx.run("DELETE FROM disagreements WHERE payment_id = \(paymentID)")
            return
        }
        try tx.run(
            """
            INSERT INTO disagreements (payment_id, refund_id, difference, since)
            VALUES (\(paymentID), \(disagreement.refundID), \(disagreement.difference),
                \(disagreement.since.microseconds))
            ON CONFLICT (payment_id) DO UPDATE SET refund_id = excluded.refund_id, difference = excluded.difference,
                since = excluded.since
            """
        )
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
