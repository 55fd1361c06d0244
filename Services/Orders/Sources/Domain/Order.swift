import SharedContract

/// An order as its events tell it.
///
/// Decides; changes only by events.
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
        case .returnRequested(let back): returns.append(back)
        case .returnCompleted(let id, _): completedReturns.insert(id)
        }
    }
}

extension Order {
    /// Units of each line that came back or are on their way back, by the line's index.
    var returnedUnits: [Int: Int] {
        returns.flatMap(\.lines).reduce(into: [:]) { $0[$1.line, default: 0] += $1.quantity }
    }

    /// What is refunded for all returns so far, also for those that are not finished.
    var refundRequestedMinorUnits: Int64 { returns.reduce(0) { $0 + $1.refundMinorUnits } }

    /// What has been refunded.
    var refundedMinorUnits: Int64 {
        returns.filter { completedReturns.contains($0.id) }.reduce(0) { $0 + $1.refundMinorUnits }
    }

    /// Units of goods by SKU.
    var goods: [String: Int] {
        placement.lines.filter(\.isGoods).reduce(into: [:]) { $0[$1.code, default: 0] += $1.quantity }
    }
}

/// A SKU and the line of the request, from 0, that asks for it.
struct WantedSKU: Sendable, Equatable {
    let line: Int
    let sku: String
}

/// Why an order cannot be placed or changed.
enum OrderError: Error, Equatable {
    case unknownOrder(String)
    /// Lines of the request, in its order, that the catalogue does not sell.
    case unknownSKUs([WantedSKU])
    /// What a cart holds and the catalogue sells no more.
    case unsoldInCart([String])
    case unknownCart(String)
    /// Another order has taken the cart as it is.
    case cartOrdered
    case emptyOrder
    case linesAndCart
    case tooManyLines(limit: Int)
    /// `field` is the first that is not in the order's `currency`.
    case mixedCurrencies(field: String, currency: String, other: String)
    case noCurrency(field: String)
    case totalOutOfRange
    case referenceTaken(String)
    case notCancellable(Order.Status)
    case notReturnable(Order.Status)
    case returnExceedsOrder(ReturnWish, left: Int)
    case returnMismatch(String)
    case tooManyReturns(limit: Int)
    /// The customer asked to cancel before this step.
    case cancelWanted
    /// A step of the checkout came when the order was not in a state for it.
    case wrongState(Order.Status)
}
