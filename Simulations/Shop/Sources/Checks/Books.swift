/// What stands in the databases, read past all services when everything has come to rest.
struct Books: Sendable {
    struct Order: Sendable {
        let id: String
        var status: String
        /// Why it was rejected or cancelled.
        var reason: String
        var reference: String
        var captured: Int64
        var refunded: Int64
        var total: Int64
        var openReturns: Int
    }

    /// A payment in the provider's own ledger.
    struct Wallet: Sendable {
        var reference: String
        var status: String
        var captured: Int64
        var refunded: Int64
        var captures: Int
    }

    struct Stock: Sendable {
        var sku: String
        var available: Int
        var onHand: Int
        var received: Int
        var sold: Int
        var returned: Int
        var corrected: Int
    }

    /// A line of our own double-entry ledger.
    struct Line: Sendable {
        var journal: String
        var account: String
        var currency: String
        var debit: Int64
        var credit: Int64
    }

    /// An event, by the numbers of its key.
    struct Entry: Sendable, Hashable {
        var topic: String
        var key: String
        var source: String
        var epoch: Int
        var sequence: Int64
        var body: [UInt8]
    }

    var orders: [String: Order]
    /// Types of each stream's events, in their sequence.
    var streams: [String: [String]]
    var wallets: [Wallet]
    var stock: [Stock]
    /// Id and status.
    var reservations: [(id: String, status: String)]
    /// Lines of our own ledger.
    var ledger: [Line]
    /// The order of each payment.
    var payments: [String: String]
    /// All that services committed.
    var published: [Entry]
    /// All that took effect at the auditor, in its sequence.
    var audited: [Entry]
    /// Runs that have not come out: service, id, state and error.
    var runs: [(service: String, id: String, state: String, error: String)]
    var unsent: Int
    var parked: Int
    /// Groups that have not acknowledged all events.
    var waiting: [(group: String, events: Int)]
}
