import OrdersContract
import SharedContract
import Synchronization

/// The outside observer's own log: what each client was told, and nothing else.
final class Witness: Sendable {
    /// An order that somebody was told about.
    struct Told: Sendable {
        let orderID: String
        let customer: String
        let key: String
        var totalMinorUnits: Int64
        /// Units of goods by SKU.
        let goods: [String: Int]
        var cancelAccepted = false
        var cancelRefused = false
        /// Refunds that were promised, by return.
        var returns: [String: Int64] = [:]
        /// Units that were taken back, by return.
        var broughtBack: [String: Int] = [:]
        /// Units that were not, by return.
        var returnsRefused: [String: Int] = [:]
    }

    private struct Log {
        var orders: [String: Told] = [:]
        var byKey: [String: String] = [:]
        var violations: [Violation] = []
    }

    private let log = Mutex(Log())

    /// By order.
    var orders: [Told] { log.withLock { $0.orders.values.sorted { $0.orderID < $1.orderID } } }

    var violations: [Violation] { log.withLock { $0.violations } }

    /// A request with this key was answered; every answer to one key names one order.
    func placed(_ order: Order, customer: String, key: String, goods: [String: Int]) {
        log.withLock { log in
            let mark = "\(customer)/\(key)"
            if let known = log.byKey[mark], known != order.orderID {
                log.violations.append(
                    Violation(
                        .orderLost,
                        "one key was answered with two orders, \(known) and \(order.orderID)",
                        order.orderID
                    )
                )
            }
            log.byKey[mark] = order.orderID
            guard log.orders[order.orderID] == nil else { return }
            log.orders[order.orderID] = Told(
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
        log.withLock { $0.orders[orderID]?.returnsRefused[returnID] = units }
    }

    /// The order that a customer was told of.
    func order(of customer: String) -> String? { log.withLock { $0.byKey["\(customer)/order"] } }

    func returnAccepted(_ orderID: String, _ returnID: String, units: Int, refund: Int64) {
        log.withLock { log in
            if let known = log.orders[orderID]?.returns[returnID], known != refund {
                log.violations.append(
                    Violation(.chargedTwice, "return \(returnID) was promised \(known) and then \(refund)", orderID)
                )
            }
            log.orders[orderID]?.returns[returnID] = refund
            log.orders[orderID]?.broughtBack[returnID] = units
        }
    }

    func saw(_ violation: Violation) { log.withLock { $0.violations.append(violation) } }
}
