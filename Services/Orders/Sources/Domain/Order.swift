import MartletCore

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
    private(set) var placement: Placement
    private(set) var status = Status.pending
    /// Why it was rejected, as a code; `nil` otherwise.
    private(set) var reason: String?
    private(set) var isCancelRequested = false
    /// Identifies what the customer wrote with the request to cancel, if anything.
    private(set) var cancelTextID: ExactText?
    private(set) var captureRequested = false
    private(set) var capturedMinorUnits: Int64 = 0
    /// By id, in the order of their requests.
    private(set) var returns: [OrderReturn] = []
    private(set) var completedReturns: Set<ExactText> = []

    init(id: String, placement: Placement) {
        self.id = id
        self.placement = placement
    }

    mutating func apply(_ event: OrderEvent) {
        switch event {
        case .placed(let placement): self.placement = placement
        case .stockReserved, .paymentAuthorised: break
        case .confirmed: status = .confirmed
        case .cancelRequested(let textID):
            isCancelRequested = true
            cancelTextID = textID
        case .captureRequested: captureRequested = true
        case .captured(let minorUnits): capturedMinorUnits = minorUnits
        case .completed: status = .completed
        case .rejected(let reason):
            status = .rejected
            self.reason = reason
        case .cancelled(let textID):
            status = .cancelled
            cancelTextID = textID
        case .returnRequested(let orderReturn): returns.append(orderReturn)
        case .returnCompleted(let id, _): completedReturns.insert(ExactText(id))
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
        returns.filter { completedReturns.contains(ExactText($0.id)) }.reduce(0) { $0 + $1.refundMinorUnits }
    }

    /// Whether it takes the units of its cart when it is completed: unless a cancel was requested before.
    var takesCart: Bool { placement.cartVersion != nil && !isCancelRequested }

    /// Units of goods by SKU.
    var goods: [ExactText: Int] {
        placement.lines.filter(\.isGoods).reduce(into: [:]) { $0[$1.code, default: 0] += $1.quantity }
    }
}
