import MartletCore
import MartletEventSourcing

/// What happened to an order.
///
/// Stored permanently, private to this service; carries ids, never personal data: what a customer wrote is a
/// ``CustomerText``.
enum OrderEvent: Codable, Sendable, Equatable {
    case placed(Placement)
    case stockReserved
    case paymentAuthorised
    case confirmed
    /// The customer asked to cancel: the order is cancelled before the capture, refunded after it.
    ///
    /// The id is `nil` when the customer wrote nothing.
    case cancelRequested(textID: ExactText?)
    /// Precedes the capture: from here on a cancel becomes a refund.
    case captureRequested
    case captured(minorUnits: Int64)
    case completed
    case rejected(reason: String)
    /// With the id of its request.
    case cancelled(textID: ExactText?)
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

extension OrderEvent {
    /// Identifies what the customer wrote, if anything.
    var textID: ExactText? {
        switch self {
        case .cancelRequested(let textID), .cancelled(let textID): textID
        case .placed, .stockReserved, .paymentAuthorised, .confirmed, .captureRequested, .captured, .completed,
            .rejected, .returnRequested, .returnCompleted:
            nil
        }
    }
}

extension OrderEvent: StreamEvent {
    static var schema: Int { 2 }
    var type: String { name }
}
