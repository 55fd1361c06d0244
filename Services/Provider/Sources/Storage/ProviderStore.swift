import MartletCore
import MartletSQL
import ProviderContract
import SwiftProtobuf

/// The provider's tables: wallets, the ledger of what moved, and the answers stored under keys.
struct ProviderStore: Sendable {
    func wallet(_ providerID: String, in tx: borrowing SQLTransaction) throws -> Wallet? {
        try wallets("provider_id", providerID, in: tx).first?.wallet
    }

    /// Newest first.
    func wallets(reference: String, in tx: borrowing SQLTransaction) throws -> [(wallet: Wallet, created: Timestamp)] {
        try wallets("reference", reference, in: tx)
    }

    private func wallets(
        _ column: String,
        _ value: String,
        in tx: borrowing SQLTransaction
    ) throws -> [(wallet: Wallet, created: Timestamp)] {
        let text = """
            SELECT provider_id, reference, currency, amount, status, captured, refunded, created_at FROM payments
            WHERE \(column) = $1 ORDER BY created_at DESC, provider_id DESC
            """
        return try tx.run(SQLQuery(unchecked: text, values: [.text(value)])).map { row in
            let wallet = Wallet(
                providerID: row.text(0),
                reference: row.text(1),
                currency: row.text(2),
                amount: row.int64(3),
                status: Wallet.Status(rawValue: row.text(4)) ?? .declined,
                captured: row.int64(5),
                refunded: row.int64(6)
            )
            return (wallet, Timestamp(microseconds: row.int64(7)))
        }
    }

    func save(_ wallet: Wallet, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO payments (provider_id, reference, status, currency, amount, captured, refunded, created_at)
            VALUES (\(wallet.providerID), \(wallet.reference), \(wallet.status.rawValue), \(wallet.currency),
                \(wallet.amount), \(wallet.captured), \(wallet.refunded), \(tx.date.microseconds))
            ON CONFLICT (provider_id) DO UPDATE SET status = excluded.status, captured = excluded.captured,
                refunded = excluded.refunded
            """
        )
    }

    /// Writes what moved: `authorise`, `capture`, `cancel` or `refund`.
    func book(
        _ entryID: String,
        _ kind: String,
        _ wallet: Wallet,
        reference: String,
        amount: Int64,
        in tx: borrowing SQLTransaction
    ) throws {
        try tx.run(
            """
            INSERT INTO ledger (entry_id, provider_id, kind, reference, amount, at)
            VALUES (\(entryID), \(wallet.providerID), \(kind), \(reference), \(amount), \(tx.date.microseconds))
            """
        )
    }

    /// What is set aside, and what the ledger says was captured and refunded, by currency.
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
        return rows.map { row in
            .with {
                $0.currency = row.text(0)
                $0.authorised = row.int64(1)
                $0.captured = row.int64(2)
                $0.refunded = row.int64(3)
            }
        }
    }

    /// The refunds of a wallet, in their order.
    func refunds(of providerID: String, in tx: borrowing SQLTransaction) throws -> [SQLRow] {
        try tx.run(
            """
            SELECT entry_id, reference, amount FROM ledger WHERE provider_id = \(providerID) AND kind = 'refund'
            ORDER BY entry_id
            """
        )
    }
}
