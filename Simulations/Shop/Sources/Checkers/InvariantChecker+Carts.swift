import CartsContract
import MartletCore
import MartletMessaging
import SwiftProtobuf

extension InvariantChecker {
    /// A cart loses the units that its order takes when that is sure, once, and nothing else.
    var cartChecks: [Violation] {
        let scripts = Dictionary(workload.scripts.map { (ExactText($0.customer), $0) }) { first, _ in first }
        let taken = takenFromCarts
        var found: [Violation] = []
        for order in acknowledged {
            guard let script = scripts[ExactText(order.customer)], script.kind == .cart,
                snapshot.orders[order.orderID] != nil
            else { continue }
            let (id, cart) = (order.orderID, snapshot.carts["customer:\(order.customer)", default: [:]])
            let takes = taken[id] ?? []
            if takes.count != (isSure(id) ? 1 : 0) {
                found.append(Violation(.cartBroken, "it took units of its cart \(takes.count) times", of: id))
            }
            if let (sku, units) = order.laterLine, cart[sku] != units {
                found.append(
                    Violation(
                        .cartBroken,
                        "\(units) \(sku) were put into its cart after it, which holds \(cart[sku] ?? 0)",
                        of: id
                    )
                )
            }
            for line in script.lines where takes.isEmpty && cart[line.sku] != line.units {
                found.append(
                    Violation(
                        .cartBroken,
                        "it took nothing, and its cart holds \(cart[line.sku] ?? 0) of \(line.units) \(line.sku)",
                        of: id
                    )
                )
            }
            // A late call may put a line into the cart again, so the state right after the order is checked.
            for line in takes.flatMap(\.lines) where script.lines.contains(where: { $0.sku == line.sku }) {
                found.append(
                    Violation(.cartBroken, "it left \(line.quantity) \(line.sku) in its cart", of: id)
                )
            }
        }
        return found
    }

    /// The published changes of carts by which orders took units, by order.
    private var takenFromCarts: [String: [CartChanged]] {
        var taken: [String: [CartChanged]] = [:]
        for event in snapshot.published where event.topic == CartsTopics.carts.name {
            guard let change = try? CartChanged(serializedBytes: event.body), !change.orderID.isEmpty else { continue }
            taken[change.orderID, default: []].append(change)
        }
        return taken
    }

    /// Whether an order was completed without a request to cancel it before.
    private func isSure(_ id: String) -> Bool {
        let types = snapshot.streams[id] ?? []
        guard let end = types.firstIndex(of: "completed") else { return false }
        return !types[..<end].contains("cancel_requested")
    }
}
