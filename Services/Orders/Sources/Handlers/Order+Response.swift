import MartletContract
import MartletCore
import OrdersContract
import SharedContract
import SwiftProtobuf

extension Order {
    /// The order as a contract message.
    ///
    /// - Parameter text: What the customer wrote who cancelled it; `nil` for nothing, and when it is not shown.
    func message(placed: Timestamp, text: String?) -> OrdersContract.Order {
        let returned = returnedUnits
        let currency = placement.currency
        return .with {
            $0.orderID = id
            $0.status = status.published
            $0.reason = reason ?? text ?? ""
            $0.customerID = placement.customerID.text
            $0.reference = placement.reference ?? ""
            $0.lines = placement.lines.enumerated().map { index, line in
                .with {
                    $0.number = UInt32(index + 1)
                    $0.sku = line.code.text
                    $0.name = line.name
                    $0.quantity = UInt32(line.quantity)
                    $0.unitPrice = UnitPrice(line.value(of: 1), currency: currency)
                    $0.service = !line.isGoods
                    $0.returned = UInt32(returned[index, default: 0])
                }
            }
            $0.total = Money(placement.totalMinorUnits, currency: currency)
            $0.captured = Money(capturedMinorUnits, currency: currency)
            $0.refunded = Money(refundedMinorUnits, currency: currency)
            $0.placed = Google_Protobuf_Timestamp(placed)
        }
    }
}

extension OrderSummary {
    var message: OrderHeadline {
        .with {
            $0.orderID = orderID
            $0.status = status.published
            $0.customerID = customerID.text
            $0.reference = reference ?? ""
            $0.total = Money(total, currency: currency)
            $0.captured = Money(captured, currency: currency)
            $0.refunded = Money(refunded, currency: currency)
            $0.openReturns = UInt32(openReturns)
            $0.reason = reason ?? ""
            $0.placed = Google_Protobuf_Timestamp(placed)
        }
    }
}

extension Order.Status {
    var published: OrderStatus {
        switch self {
        case .pending: .pending
        case .confirmed: .confirmed
        case .completed: .completed
        case .rejected: .rejected
        case .cancelled: .cancelled
        }
    }

    /// `nil` when it is unspecified.
    init?(_ status: OrderStatus) {
        switch status {
        case .pending: self = .pending
        case .confirmed: self = .confirmed
        case .completed: self = .completed
        case .rejected: self = .rejected
        case .cancelled: self = .cancelled
        default: return nil
        }
    }
}

extension OrderEvent {
    /// The text of the event's timeline entry; that of a customer stands elsewhere.
    func detail(_ currency: String) -> String {
        switch self {
        case .placed(let placement):
            "\(placement.lines.count) lines, \(placement.totalMinorUnits) \(currency) minor units"
        case .captured(let minorUnits): "\(minorUnits) \(currency) minor units"
        case .rejected(let reason): reason
        case .returnRequested(let requested): "\(requested.id): \(requested.refundMinorUnits) \(currency) minor units"
        case .returnCompleted(let id, _): id
        case .stockReserved, .paymentAuthorised, .confirmed, .cancelRequested, .captureRequested, .completed,
            .cancelled:
            ""
        }
    }
}
