import InventoryContract
import MartletMessaging
import SwiftProtobuf

extension Movement {
    /// The movement in the words of the contract, ready for the outbox.
    var message: MartletMessaging.Message {
        get throws {
            try MartletMessaging.Message(
                StockMoved.with {
                    $0.movementID = id
                    $0.kind = kind.published
                    $0.changes = changes.map { change in
                        .with {
                            $0.sku = change.place.sku.code
                            $0.warehouse = change.place.warehouse
                            $0.available = Int64(change.available)
                            $0.onHand = Int64(change.onHand)
                        }
                    }
                },
                on: InventoryTopics.movements)
        }
    }
}

extension MovementKind {
    fileprivate var published: StockMoved.Kind {
        switch self {
        case .reserved: .reserved
        case .confirmed: .confirmed
        case .released: .released
        case .expired: .expired
        case .received: .received
        case .returned: .returned
        case .corrected: .corrected
        }
    }
}
