/// One action on the running shop.
enum PlannedAction: Equatable, Sendable {
    case order(PlannedOrder)
    case correction(PlannedCorrection)
    case orderReturn(PlannedReturn)
    /// Not sent, only counted.
    case credit(PlannedCredit)

    /// Unique in the file and equal for equal files, so that actions can be sent again.
    var idempotencyKey: String {
        switch self {
        case .order(let order): "order-\(KeyText.of(order.invoice))"
        case .correction(let correction): "correction-\(KeyText.of(correction.invoice))-\(correction.row)"
        case .orderReturn(let orderReturn):
            "return-\(KeyText.of(orderReturn.invoice))-\(KeyText.of(orderReturn.order, besides: "-"))"
        case .credit(let credit): "credit-\(KeyText.of(credit.invoice))"
        }
    }

    /// The number of the action's invoice.
    var invoice: String {
        switch self {
        case .order(let order): order.invoice
        case .correction(let correction): correction.invoice
        case .orderReturn(let orderReturn): orderReturn.invoice
        case .credit(let credit): credit.invoice
        }
    }

    /// The indices of the actions that must have ended before this one starts, ascending.
    var after: [Int] {
        if case .orderReturn(let orderReturn) = self { orderReturn.after } else { [] }
    }
}

/// One order: a sale invoice with its agreed prices.
struct PlannedOrder: Equatable, Sendable {
    struct Line: Equatable, Sendable {
        /// The stock code; for goods the SKU, for services the kind of service.
        let code: String
        /// The row's description, trimmed; may be empty.
        let description: String
        /// 1 to ``InvoiceRow/quantityMax``.
        let quantity: Int
        /// The agreed price, at least 0.
        let price: Mills
        /// Whether the line takes stock.
        let isGoods: Bool
    }

    /// The maximum number of lines of an order.
    static let linesMax = 2_000

    /// The invoice number: the order's external reference.
    let invoice: String
    /// `nil` for a guest.
    let customer: String?
    let date: InvoiceDate
    let country: String
    /// In file order, never merged: a code may be on several lines, at several prices.
    let lines: [Line]

    /// Σ quantity × price, exact.
    var value: Mills { lines.reduce(.zero) { $0 + $1.quantity * $1.price } }
    /// The amount charged, in pence.
    var total: Int64 { value.pence }
}

/// One change of stock that is neither a sale nor a return.
struct PlannedCorrection: Equatable, Sendable {
    let invoice: String
    /// The row's number in its invoice, from 1.
    let row: Int
    let sku: String
    /// Units, never 0: negative for a loss, positive for found stock.
    let delta: Int
    let date: InvoiceDate
    /// The row's description, for instance "damaged"; may be empty.
    let reason: String
}

/// The units that one cancellation returns from one order.
struct PlannedReturn: Equatable, Sendable {
    struct Line: Equatable, Sendable {
        /// The index of the order's line, from 0.
        let line: Int
        let code: String
        /// 1 to the line's units that were not yet returned.
        let quantity: Int
        /// The order line's price.
        let price: Mills
        let isGoods: Bool
    }

    /// The cancellation's number.
    let invoice: String
    /// The number of the order's invoice.
    let order: String
    /// The indices of the order's action and of its previous return.
    let after: [Int]
    let date: InvoiceDate
    /// By index, each line once.
    let lines: [Line]
    /// The refund in pence when the order's returns run in the plan's sequence; may be 0.
    ///
    /// In another sequence single refunds may differ by a penny; their sum does not.
    let refund: Int64
}

/// The units of one cancellation that match no order.
struct PlannedCredit: Equatable, Sendable {
    struct Line: Equatable, Sendable {
        let code: String
        let quantity: Int
        /// The cancellation row's price.
        let price: Mills
    }

    let invoice: String
    let customer: String?
    let date: InvoiceDate
    let lines: [Line]

    var value: Mills { lines.reduce(.zero) { $0 + $1.quantity * $1.price } }
}
