import MartletCore
import OrdersContract
import SharedContract
import Synchronization

/// The observations of all clients: only what their responses acknowledged.
final class ClientObservations: Sendable {
    /// An order that was acknowledged to its customer.
    struct AcknowledgedOrder: Sendable {
        let orderID: String
        let customer: String
        let key: String
        var totalMinorUnits: Int64
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
    }

    private struct Log {
        var orders: [String: AcknowledgedOrder] = [:]
        var byKey: [ExactText: String] = [:]
        var violations: [Violation] = []
    }

    private let log = Mutex(Log())

    /// Sorted by order.
    var orders: [AcknowledgedOrder] { log.withLock { $0.orders.values.sorted { $0.orderID < $1.orderID } } }

    var violations: [Violation] { log.withLock { $0.violations } }

    /// Records an acknowledged order; all responses to one key must name the same order.
    func placed(_ order: Order, customer: String, key: String, goods: [String: Int]) {
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
