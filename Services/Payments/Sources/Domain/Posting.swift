import MartletCore

/// One journal of the double-entry ledger: its debits equal its credits.
struct Posting: Sendable, Equatable {
    struct Entry: Sendable, Equatable {
        let account: Account
        let debit: Int64
        let credit: Int64
    }

    /// The accounts of the shop's ledger.
    enum Account: String, Sendable, Equatable, CaseIterable {
        /// What the provider owes us.
        case providerClearing = "provider_clearing"
        case sales
        case refunds
    }

    /// Unique: a journal is posted once.
    let journal: String
    let currency: String
    let entries: [Entry]

    static func capture(of paymentID: String, _ terms: Payment.Terms) -> Posting {
        Posting(
            journal: "capture/\(KeySegment(paymentID))",
            currency: terms.currency.text,
            entries: [
                Entry(account: .providerClearing, debit: terms.amount, credit: 0),
                Entry(account: .sales, debit: 0, credit: terms.amount),
            ]
        )
    }

    static func refund(_ refund: Refund, currency: String) -> Posting {
        Posting(
            journal: "refund/\(KeySegment(refund.paymentID))/\(refund.id)",
            currency: currency,
            entries: [
                Entry(account: .refunds, debit: refund.amount, credit: 0),
                Entry(account: .providerClearing, debit: 0, credit: refund.amount),
            ]
        )
    }
}
