import MartletCore
import MartletMessaging
import OrdersContract
import SharedContract
import SwiftProtobuf

extension Order {
    /// The outgoing event for a stored one; `nil` for those that stay private.
    func publishedEvent(for event: OrderEvent) throws -> OutgoingEvent? {
        let kind: OrderChanged.Kind? =
            switch event {
            case .placed: .placed
            case .confirmed: .confirmed
            case .completed: .completed
            case .rejected: .rejected
            case .cancelled: .cancelled
            case .returnCompleted: .returned
            case .stockReserved, .paymentAuthorised, .cancelRequested, .captureRequested, .captured, .returnRequested:
                nil
            }
        guard let kind else { return nil }
        return try MartletMessaging.OutgoingEvent(
            OrderChanged.with {
                $0.orderID = id
                $0.kind = kind
                $0.customerID = placement.customerID.text
                $0.cartID = placement.cartID ?? ""
                $0.cartVersion = UInt64(clamping: placement.cartVersion ?? 0)
                $0.takesCart = kind == .completed && takesCart
                $0.reservationID = goods.isEmpty ? "" : id
                $0.total = Money(placement.totalMinorUnits, currency: placement.currency)
            },
            on: OrdersTopics.orders
        )
    }
}
