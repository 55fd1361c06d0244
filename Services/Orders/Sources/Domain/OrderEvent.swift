import SharedContract

/// What happened to an order.
///
/// Stored permanently, private to this service; carries ids, never personal data.
enum OrderEvent: Codable, Sendable, Equatable {
    case placed(Placement)
    case stockReserved
    case paymentAuthorised
    case confirmed
    /// The customer asked to cancel: the order is cancelled before the capture, refunded after it.
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
    /// The cart's revision, unique among orders.
    ///
    /// `nil` without a cart.
    var cartRevision: String?
    var currency: String
    var lines: [PricedLine]
    /// Rounded once, half to even; never negative.
    var totalMinorUnits: Int64
}

/// One line with the price that was agreed or quoted by the catalogue.
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

/// A return: its units and its refund.
struct OrderReturn: Codable, Sendable, Equatable {
    struct Line: Codable, Sendable, Equatable {
        /// Index into the placement's lines.
        var line: Int
        var quantity: Int
    }

    /// Stored under these keys.
    private enum CodingKeys: String, CodingKey {
        case id
        case items = "wishes"
        case lines
        case refundMinorUnits
    }

    var id: String
    /// As requested; empty when the whole order is returned.
    var items: [ReturnItem]
    /// By line.
    var lines: [Line]
    var refundMinorUnits: Int64
}

/// Units that a customer returns: of one line, or of any lines with a code.
struct ReturnItem: Codable, Sendable, Equatable {
    /// Index into the placement's lines; `nil` for any.
    var line: Int?
    /// Empty for any.
    var code: String
    var quantity: Int

    func matches(_ index: Int, _ line: PricedLine) -> Bool {
        (self.line == nil || self.line == index) && (code.isEmpty || code == line.code)
    }
}
