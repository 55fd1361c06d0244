import MartletMessaging
import PaymentsContract
import SharedContract
import SwiftProtobuf

extension Payment {
    /// The event with the payment's current state, ready for the outbox.
    var event: OutgoingEvent {
        get throws {
            try MartletMessaging.OutgoingEvent(
                PaymentChanged.with {
                    $0.paymentID = id
                    $0.orderID = orderID
                    $0.status = status.published
                    $0.amount = Money(amount, currency: currency)
                    $0.refunded = Money(refundedMinorUnits, currency: currency)
                },
                on: PaymentsTopics.payments
            )
        }
    }
}

extension Payment.Status {
    var published: PaymentStatus {
        switch self {
        case .authorising: .authorising
        case .authorised: .authorised
        case .declined: .declined
        case .capturing: .capturing
        case .captured: .captured
        case .voiding: .voiding
        case .voided: .voided
        }
    }
}
