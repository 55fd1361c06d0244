import MartletCore
import SimulatedCluster

/// The content of all databases, read directly through their views for auditors once the world is quiescent.
struct StateSnapshot: Sendable {
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
    struct ProviderPayment: Sendable {
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

    /// A line of the shop's double-entry ledger.
    struct LedgerLine: Sendable {
        var journal: String
        var account: String
        var currency: String
        var debit: Int64
        var credit: Int64
    }

    /// A published event.
    struct Entry: Sendable, Hashable {
        var topic: String
        var key: String
        var source: String
        var epoch: Int
        var sequence: Int64
        var body: [UInt8]
    }

    var orders: [String: Order]
    /// The event types of each stream, in their order.
    var streams: [String: [String]]
    var providerPayments: [ProviderPayment]
    var stock: [Stock]
    /// Units by SKU, by cart.
    var carts: [ExactText: [String: Int]]
    /// Id and status.
    var reservations: [(id: String, status: String)]
    /// The shop's ledger.
    var ledger: [LedgerLine]
    /// The order of each payment.
    var payments: [String: String]
    /// All committed events.
    var published: [Entry]
    /// All events that took effect at the auditor, in their order.
    var audited: [Entry]
    /// Unfinished workflow runs.
    var runs: [(service: String, id: String, state: String, error: String)]
    var unsent: Int
    var parked: Int
    /// Groups that have not acknowledged all events.
    var waiting: [(group: String, events: Int)]
    /// What consumer groups have done with events; `nil` unless invariants are checked, and in the control.
    var accounts: EventAccounts?
    /// Payments whose provider disagrees.
    var disagreements = 0
    /// What violates a stored invariant; empty unless they were evaluated.
    var violations: [Violation]
}
