import MartletCore
import MartletSQL
import ProviderContract
import SwiftProtobuf

/// The provider's tables of charges and ledger entries.
struct ProviderStore: Sendable {
    func charge(_ providerID: String, in tx: borrowing SQLTransaction) throws -> Charge? {
        try charges("provider_id", providerID, in: tx).first?.charge
    }

    /// Newest first.
    func charges(reference: String, in tx: borrowing SQLTransaction) throws -> [(charge: Charge, created: Timestamp)] {
        try charges("reference", reference, in: tx)
    }

    private func charges(
        _ column: String,
        _ value: String,
        in tx: borrowing SQLTransaction
    ) throws -> [(charge: Charge, created: Timestamp)] {
        let text = """
            SELECT provider_id, reference, currency, amount, status, captured, refunded, created_at FROM payments
            WHERE \(column) = $1 ORDER BY created_at DESC, provider_id DESC
            """
        return try tx.run(SQLQuery(unchecked: text, values: [.text(value)])).map { row in
            let charge = try Charge(
                providerID: row.text(0),
                reference: row.text(1),
                currency: row.text(2),
                amount: row.int64(3),
                status: try row.decode(4, as: Charge.Status.self),
                captured: row.int64(5),
                refunded: row.int64(6)
            )
            return try (charge, Timestamp(microseconds: row.int64(7)))
        }
    }

    func save(_ charge: Charge, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO payments (provider_id, reference, status, currency, amount, captured, refunded, created_at)
            VALUES (\(charge.providerID), \(charge.reference), \(charge.status.rawValue), \(charge.currency),
                \(charge.amount), \(charge.captured), \(charge.refunded), \(tx.date.microseconds))
            ON CONFLICT (provider_id) DO UPDATE SET status = excluded.status, captured = excluded.captured,
                refunded = excluded.refunded
            """
        )
    }

    /// Writes a ledger entry.
    func post(
        _ kind: LedgerKind,
        of charge: Charge,
        entryID: String,
        reference: String,
        amount: Int64,
        in tx: borrowing SQLTransaction
    ) throws {
        try tx.run(
            """
            INSERT INTO ledger (entry_id, provider_id, kind, reference, amount, at)
            VALUES (\(entryID), \(charge.providerID), \(kind.rawValue), \(reference), \(amount),
                \(tx.date.microseconds))
            """
        )
    }

    /// The number of ledger entries, by kind.
    func counts(in tx: borrowing SQLTransaction) throws -> [LedgerKind: UInt64] {
        var counts: [LedgerKind: UInt64] = [:]
        for row in try tx.run("SELECT kind, COUNT(*) FROM ledger GROUP BY kind") {
            counts[try row.decode(0, as: LedgerKind.self)] = try UInt64(row.int(1))
        }
        return counts
    }

    /// The authorised, captured and refunded totals, by currency.
    func sums(in tx: borrowing SQLTransaction) throws -> [GetLedgerResponse.CurrencySum] {
        let rows = try tx.run(
            """
            SELECT payments.currency,
                SUM(CASE WHEN kind = 'authorise' AND status = 'authorised' THEN ledger.amount ELSE 0 END),
                SUM(CASE WHEN kind = 'capture' THEN ledger.amount ELSE 0 END),
                SUM(CASE WHEN kind = 'refund' THEN ledger.amount ELSE 0 END)
            FROM ledger JOIN payments ON payments.provider_id = ledger.provider_id
            GROUP BY payments.currency ORDER BY payments.currency
            """
        )
        return try rows.map { row in
            try .with {
                $0.currency = try row.text(0)
                $0.authorised = try row.int64(1)
                $0.captured = try row.int64(2)
                $0.refunded = try row.int64(3)
            }
        }
    }

    /// The refunds of a charge, oldest first.
    func refunds(of providerID: String, in tx: borrowing SQLTransaction) throws -> [SQLRow] {
        try tx.run(
            """
            SELECT entry_id, reference, amount FROM ledger WHERE provider_id = \(providerID) AND kind = 'refund'
            ORDER BY entry_id
            """
        )
    }
}
