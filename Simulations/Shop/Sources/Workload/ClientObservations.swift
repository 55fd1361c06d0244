import MartletCore
import OrdersContract
import SharedContract
import SwiftProtobuf
import Synchronization

/// The observations of all clients: only what their responses acknowledged.
final class ClientObservations: Sendable {
    /// An order that was acknowledged to its customer.
    struct AcknowledgedOrder: Sendable {
        let orderID: String
        let customer: String
        let key: String
        var totalMinorUnits: Int64
        /// The total that the customer had been shown, and that the request expected.
        var shownMinorUnits: Int64
        /// Units of goods by SKU.
        let goods: [String: Int]
        var cancelAccepted = false
        var cancelRefused = false
        /// Refunds that were promised, by return.
        var promisedRefunds: [String: Int64] = [:]
        /// Units of accepted returns, by return.
        var returnedUnits: [String: Int] = [:]
        /// Units of refused returns, by return.
        var refusedReturns: [String: Int] = [:]
        /// What was put into the cart after the order was acknowledged.
        var laterLine: (sku: String, units: Int)?
    }

    private struct Log {
        var orders: [String: AcknowledgedOrder] = [:]
        var byKey: [ExactText: String] = [:]
        /// By customer.
        var requests: [ExactText: PlaceOrderRequest] = [:]
        var violations: [Violation] = []
    }

    private let log = Mutex(Log())

    /// Sorted by order.
    var orders: [AcknowledgedOrder] { log.withLock { $0.orders.values.sorted { $0.orderID < $1.orderID } } }

    var violations: [Violation] { log.withLock { $0.violations } }

    /// Records an acknowledged order; all responses to one key must name the same order.
    ///
    /// - Parameter shown: The total that the request expected, in minor units.
    func placed(_ order: Order, customer: String, key: String, goods: [String: Int], shown: Int64) {
        log.withLock { log in
            let customerKey: ExactText = "\(customer)/\(key)"
            if let known = log.byKey[customerKey], known != order.orderID {
                log.violations.append(
                    Violation(
                        .orderLost,
                        "one key was acknowledged with two orders, \(known) and \(order.orderID)",
                        of: order.orderID
                    )
                )
            }
            log.byKey[customerKey] = order.orderID
            guard log.orders[order.orderID] == nil else { return }
            log.orders[order.orderID] = AcknowledgedOrder(
                orderID: order.orderID,
                customer: customer,
                key: key,
                totalMinorUnits: order.total.minorUnits,
                shownMinorUnits: shown,
                goods: goods
            )
        }
    }

    func cancelAccepted(_ orderID: String) { log.withLock { $0.orders[orderID]?.cancelAccepted = true } }

    func cancelRefused(_ orderID: String) { log.withLock { $0.orders[orderID]?.cancelRefused = true } }

    func returnRefused(_ orderID: String, _ returnID: String, units: Int) {
        log.withLock { $0.orders[orderID]?.refusedReturns[returnID] = units }
    }

    /// The acknowledged order of a customer.
    func order(of customer: String) -> String? { log.withLock { $0.byKey["\(customer)/order"] } }

    /// Records the request by which a customer's order was placed: a repeat has the same bytes.
    func acknowledged(_ request: PlaceOrderRequest, by customer: String) {
        log.withLock { $0.requests[ExactText(customer)] = request }
    }

    /// The request by which a customer's order was placed; `nil` before, and for an agreed order.
    func request(of customer: String) -> PlaceOrderRequest? {
        log.withLock { $0.requests[ExactText(customer)] }
    }

    func laterLinePut(_ orderID: String, _ sku: String, units: Int) {
        log.withLock { $0.orders[orderID]?.laterLine = (sku, units) }
    }

    func returnAccepted(_ orderID: String, _ returnID: String, units: Int, refund: Int64) {
        log.withLock { log in
            if let known = log.orders[orderID]?.promisedRefunds[returnID], known != refund {
                log.violations.append(
                    Violation(.chargedTwice, "return \(returnID) was promised \(known) and then \(refund)", of: orderID)
                )
            }
            log.orders[orderID]?.promisedRefunds[returnID] = refund
            log.orders[orderID]?.returnedUnits[returnID] = units
        }
    }

    func record(_ violation: Violation) { log.withLock { $0.violations.append(violation) } }
}
