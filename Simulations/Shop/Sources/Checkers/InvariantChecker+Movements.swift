import InventoryContract
import MartletMessaging
import SwiftProtobuf

extension InvariantChecker {
    /// The sum of all stock events is the stored stock.
    var movementChecks: [Violation] {
        var available: [String: Int64] = [:]
        var onHand: [String: Int64] = [:]
        var found: [Violation] = []
        for event in snapshot.published where event.topic == InventoryTopics.movements.name {
            guard let moved = try? StockMoved(serializedBytes: event.body) else {
                found.append(Violation(.historyBroken, "an event about stock cannot be read", of: event.key))
                continue
            }
            for change in moved.changes {
                available[change.sku, default: 0] += change.available
                onHand[change.sku, default: 0] += change.onHand
            }
        }
        for row in snapshot.stock {
            let total = (available[row.sku, default: 0], onHand[row.sku, default: 0])
            guard total != (Int64(row.available), Int64(row.onHand)) else { continue }
            found.append(
                Violation(
                    .historyBroken,
                    "\(row.sku): its events add up to \(total.0) available and \(total.1) on hand, stored are "
                        + "\(row.available) and \(row.onHand)"
                )
            )
        }
        return found
    }
}
