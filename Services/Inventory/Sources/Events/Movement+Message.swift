import InventoryContract
import MartletMessaging
import SwiftProtobuf

extension Movement {
    /// Changes of one event, so that it stays below the outbox's limit whatever the codes are.
    static let changesPerEvent = 500

    /// The movement in the words of the contract, ready for the outbox: several events when it is large.
    var messages: [MartletMessaging.Message] {
        get throws {
            try stride(from: 0, to: changes.count, by: Self.changesPerEvent).map { start in
                try message(of: changes[start..<min(start + Self.changesPerEvent, changes.count)])
            }
        }
    }

    private func message(of part: ArraySlice<Change>) throws -> MartletMessaging.Message {
        try MartletMessaging.Message(
            StockMoved.with {
                $0.movementID = id
                $0.kind = kind.published
                $0.changes = part.map { change in
                    .with {
                        $0.sku = change.place.sku.code
                        $0.warehouse = change.place.warehouse
                        $0.available = Int64(change.available)
                        $0.onHand = Int64(change.onHand)
                    }
                }
            },
            on: InventoryTopics.movements
        )
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
