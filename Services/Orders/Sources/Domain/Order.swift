import SharedContract

/// The state of an order, built from its events.
///
/// Commands return events; only `apply` changes the state.
struct Order: Sendable, Equatable {
    enum Status: String, Sendable, Equatable, Codable {
        /// Goes to `confirmed`, `rejected` or `cancelled`.
        case pending
        /// Goes to `completed`, or to `cancelled` as long as no capture was requested.
        case confirmed
        case completed, rejected, cancelled
    }

    let id: String
    private(set) var placement = Placement(
        customerID: "",
        reference: "",
        cartID: "",
        currency: "",
        lines: [],
        totalMinorUnits: 0
    )
    private(set) var status = Status.pending
    private(set) var reason = ""
    private(set) var cancelReason: String?
    private(set) var captureRequested = false
    private(set) var capturedMinorUnits: Int64 = 0
    /// By id, in the order of their requests.
    private(set) var returns: [OrderReturn] = []
    private(set) var completedReturns: Set<String> = []

    init(id: String) { self.id = id }

    mutating func apply(_ event: OrderEvent) {
        switch event {
        case .placed(let placement): self.placement = placement
        case .stockReserved, .paymentAuthorised: break
        case .confirmed: status = .confirmed
        case .cancelRequested(let reason): cancelReason = reason
        case .captureRequested: captureRequested = true
        case .captured(let minorUnits): capturedMinorUnits = minorUnits
        case .completed: status = .completed
        case .rejected(let reason):
            status = .rejected
            self.reason = reason
        case .cancelled(let reason):
            status = .cancelled
            self.reason = reason
        case .returnRequested(let orderReturn): returns.append(orderReturn)
        case .returnCompleted(let id, _): completedReturns.insert(id)
        }
    }
}

extension Order {
    /// The returned units of each line, including those of open returns, by the line's index.
    var returnedUnits: [Int: Int] {
        returns.flatMap(\.lines).reduce(into: [:]) { $0[$1.line, default: 0] += $1.quantity }
    }

    /// The refunds of all returns, including open ones.
    var refundRequestedMinorUnits: Int64 { returns.reduce(0) { $0 + $1.refundMinorUnits } }

    /// The refunds of completed returns.
    var refundedMinorUnits: Int64 {
        returns.filter { completedReturns.contains($0.id) }.reduce(0) { $0 + $1.refundMinorUnits }
    }

    /// Units of goods by SKU.
    var goods: [String: Int] {
        placement.lines.filter(\.isGoods).reduce(into: [:]) { $0[$1.code, default: 0] += $1.quantity }
    }
}

/// A SKU and the index of its line in the request.
struct RequestedSKU: Sendable, Equatable {
    let line: Int
    let sku: String
}

/// Domain errors of orders.
enum OrderError: Error, Equatable {
    case unknownOrder(String)
    /// Lines of the request, in its order, that the catalogue does not sell.
    case unknownSKUs([RequestedSKU])
    /// The SKUs of a cart that are no longer sold.
    case unsoldInCart([String])
    case unknownCart(String)
    /// An order of this cart revision exists.
    case cartOrdered
    case emptyOrder
    case linesAndCart
    case tooManyLines(limit: Int)
    /// `field` is the first that is not in the order's `currency`.
    case mixedCurrencies(field: String, currency: String, other: String)
    case invalidCurrency(field: String)
    case totalOutOfRange
    case referenceTaken(String)
    case notCancellable(Order.Status)
    case notReturnable(Order.Status)
    case returnExceedsOrder(ReturnItem, left: Int)
    case returnMismatch(String)
    case tooManyReturns(limit: Int)
    /// The customer asked to cancel before this step.
    case cancelRequested
    /// The order's status does not allow this step of the checkout.
    case wrongState(Order.Status)
}
