import SharedContract

/// What happened to an order.
///
/// Stored for good, private to this service; carries ids, never personal data.
enum OrderEvent: Codable, Sendable, Equatable {
    case placed(Placement)
    case stockReserved
    case paymentAuthorised
    case confirmed
    /// The customer wishes it undone: before the capture that cancels, afterwards that refunds.
    case cancelRequested(reason: String)
    /// Precedes the capture: from here on a cancel becomes a refund.
    case captureRequested
    case captured(minorUnits: Int64)
    case completed
    case rejected(reason: String)
    case cancelled(reason: String)
    case returnRequested(OrderReturn)
    case returnCompleted(id: String, refundMinorUnits: Int64)

    /// Stable, for the timeline and for storage.
    var name: String {
        switch self {
        case .placed: "placed"
        case .stockReserved: "stock_reserved"
        case .paymentAuthorised: "payment_authorised"
        case .confirmed: "confirmed"
        case .cancelRequested: "cancel_requested"
        case .captureRequested: "capture_requested"
        case .captured: "captured"
        case .completed: "completed"
        case .rejected: "rejected"
        case .cancelled: "cancelled"
        case .returnRequested: "return_requested"
        case .returnCompleted: "return_completed"
        }
    }
}

/// What was ordered, by whom, at which prices.
struct Placement: Codable, Sendable, Equatable {
    var customerID: String
    /// The merchant's own number; empty when there is none.
    var reference: String
    /// The cart that it came from; empty when there was none.
    var cartID: String
    /// Of the cart as it was; no other order takes it.
    ///
    /// `nil` without a cart.
    var cartRevision: String?
    var currency: String
    var lines: [PricedLine]
    /// Rounded once, half to even; never negative.
    var totalMinorUnits: Int64
}

/// One line with the price that was agreed or that the catalogue gave.
struct PricedLine: Codable, Sendable, Equatable {
    /// A SKU, or the code of a service such as postage.
    var code: String
    var name: String
    /// At least 1.
    var quantity: Int
    /// The price of one unit in nanos of the currency's major unit; negative for a discount.
    var priceNanos: Int64
    /// Goods come from stock; services do not.
    var isGoods: Bool

    /// The exact value of `count` units.
    func value(of count: Int) -> Amount { Amount(nanos: Int128(priceNanos)) * count }
}

/// Units that came back, and what is refunded for them.
struct OrderReturn: Codable, Sendable, Equatable {
    struct Line: Codable, Sendable, Equatable {
        /// Index into the placement's lines.
        var line: Int
        var quantity: Int
    }

    var id: String
    /// As they were asked for; empty when everything comes back.
    var wishes: [ReturnWish]
    /// By line.
    var lines: [Line]
    var refundMinorUnits: Int64
}

/// Units that a customer wants to give back: of one line, or of whichever lines have that code.
struct ReturnWish: Codable, Sendable, Equatable {
    /// Index into the placement's lines; `nil` for any.
    var line: Int?
    /// Empty for any.
    var code: String
    var quantity: Int

    func fits(_ index: Int, _ line: PricedLine) -> Bool {
        (self.line == nil || self.line == index) && (code.isEmpty || code == line.code)
    }
}
