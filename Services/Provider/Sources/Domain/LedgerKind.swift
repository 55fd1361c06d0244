/// What a ledger entry books.
enum LedgerKind: String, Sendable {
    case authorise, capture, cancel, refund
}
