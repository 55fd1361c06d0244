/// One thing to do with the running shop, in the file's sequence.
enum PlannedAction: Equatable, Sendable {
    case order(PlannedOrder)
    case correction(PlannedCorrection)
    case giveBack(PlannedReturn)
    /// Nothing to send: counted only.
    case credit(PlannedCredit)

    /// Equal for equal files, and different from every other action's: safe to send again.
    var idempotencyKey: String {
        switch self {
        case .order(let order): "order-\(order.invoice)"
        case .correction(let correction): "correction-\(correction.invoice)-\(correction.row)"
        case .giveBack(let giveBack): "return-\(giveBack.invoice)-\(giveBack.order)"
        case .credit(let credit): "credit-\(credit.invoice)"
        }
    }

    /// The number of the invoice that it comes from.
    var invoice: String {
        switch self {
        case .order(let order): order.invoice
        case .correction(let correction): correction.invoice
        case .giveBack(let giveBack): giveBack.invoice
        case .credit(let credit): credit.invoice
        }
    }

    /// The indices in the plan's actions that must have ended before this one starts, ascending.
    var after: [Int] {
        if case .giveBack(let giveBack) = self { giveBack.after } else { [] }
    }
}

/// One order: a sale invoice with its agreed prices.
struct PlannedOrder: Equatable, Sendable {
    struct Line: Equatable, Sendable {
        /// The stock code; for goods the SKU, for services the kind of service.
        let code: String
        /// What the row says, without surrounding blanks; may be empty.
        let description: String
        /// 1 to ``InvoiceRow/quantityMax``.
        let quantity: Int
        /// Agreed, at least 0.
        let price: Mills
        /// Whether the line takes stock.
        let isGoods: Bool
    }

    /// The most lines of an order.
    static let linesMax = 2_000

    /// The invoice number: the order's identity outside.
    let invoice: String
    /// `nil`: a guest.
    let customer: String?
    let date: InvoiceDate
    let country: String
    /// In file order, never merged: a code may stand on several lines, at several prices.
    let lines: [Line]

    /// Σ quantity × price, exact.
    var value: Mills { lines.reduce(.zero) { $0 + $1.quantity * $1.price } }
    /// What is charged, in pence.
    var total: Int64 { value.pence }
}

/// One change of stock that is neither a sale nor a return.
struct PlannedCorrection: Equatable, Sendable {
    let invoice: String
    /// The row's place in its invoice, from 1.
    let row: Int
    let sku: String
    /// Units, never 0: below 0 a loss, above 0 a find.
    let delta: Int
    let date: InvoiceDate
    /// What the row says, for instance "damaged"; may be empty.
    let reason: String
}

/// What one cancellation takes back from one order.
struct PlannedReturn: Equatable, Sendable {
    struct Line: Equatable, Sendable {
        /// The place in the order's lines, from 0.
        let line: Int
        let code: String
        /// 1 to what of the order's line was not yet returned.
        let quantity: Int
        /// The order line's own.
        let price: Mills
        let isGoods: Bool
    }

    /// The cancellation's number.
    let invoice: String
    /// The number of the order's invoice.
    let order: String
    /// Indices of the order's action and of the order's return before this one.
    let after: [Int]
    let date: InvoiceDate
    /// By place in the order, each place once.
    let lines: [Line]
    /// What this return refunds in pence when the order's returns run in the plan's sequence; may be 0.
    ///
    /// In another sequence single refunds may differ by a penny; their sum does not.
    let refund: Int64
}

/// What of one cancellation matches no order.
struct PlannedCredit: Equatable, Sendable {
    struct Line: Equatable, Sendable {
        let code: String
        let quantity: Int
        /// The cancellation row's own.
        let price: Mills
    }

    let invoice: String
    let customer: String?
    let date: InvoiceDate
    let lines: [Line]

    var value: Mills { lines.reduce(.zero) { $0 + $1.quantity * $1.price } }
}
