import MartletCore
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
                    $0.orderID = terms?.orderID.text ?? ""
                    $0.status = status.published
                    $0.amount = money(terms?.amount ?? 0)
                    $0.refunded = money(refundedMinorUnits)
                },
                on: PaymentsTopics.payments
            )
        }
    }

    /// The status that callers see; events have the status before a disagreement.
    var publishedStatus: PaymentStatus { disagreement == nil ? status.published : .providerDisagrees }

    /// A sum in the payment's currency; in none, which the contract writes as "", without terms.
    func money(_ minorUnits: Int64) -> Money { Money(minorUnits, currency: terms?.currency.text ?? "") }
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
