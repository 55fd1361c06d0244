import MartletSQL
import PaymentsContract
import SwiftProtobuf

// Totals by currency; amounts of different currencies are never added.

extension PaymentStore {
    /// The ledger's accounts, by name and currency.
    func accounts(in tx: borrowing SQLTransaction) throws -> [GetTrialBalanceResponse.Account] {
        try tx.run(
            """
            SELECT account, currency, SUM(debit), SUM(credit) FROM ledger
            GROUP BY account, currency ORDER BY account, currency
            """
        ).map { row in
            try .with {
                $0.name = try row.text(0)
                $0.currency = try row.text(1)
                $0.debits = try row.int64(2)
                $0.credits = try row.int64(3)
            }
        }
    }

    /// The number of payments by status.
    func counts(in tx: borrowing SQLTransaction) throws -> [Payment.Status: UInt64] {
        let rows = try tx.run("SELECT status, COUNT(*) FROM payments GROUP BY status")
        var counts: [Payment.Status: UInt64] = [:]
        for row in rows { counts[try row.decode(0, as: Payment.Status.self)] = try UInt64(row.int(1)) }
        return counts
    }

    /// The captured and refunded totals, by currency.
    func totals(in tx: borrowing SQLTransaction) throws -> [(currency: String, captured: Int64, refunded: Int64)] {
        try tx.run(
            """
            SELECT currency, SUM(amount), SUM(refunded) FROM payments WHERE status = 'captured'
            GROUP BY currency ORDER BY currency
            """
        ).map { try ($0.text(0), $0.int64(1), $0.int64(2)) }
    }
}
