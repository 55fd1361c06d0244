import InventoryContract
import MartletCore
import MartletMessaging
import SwiftProtobuf

extension Movement {
    /// Changes of one event, so that it stays below the outbox's size limit with the longest codes.
    static let changesPerEvent = 500

    /// The events of the movement, ready for the outbox: several when it is large.
    var events: [OutgoingEvent] {
        get throws {
            try stride(from: 0, to: changes.count, by: Self.changesPerEvent).map { start in
                try event(of: changes[start..<min(start + Self.changesPerEvent, changes.count)])
            }
        }
    }

    private func event(of part: ArraySlice<Change>) throws -> OutgoingEvent {
        try MartletMessaging.OutgoingEvent(
            StockMoved.with {
                $0.movementID = id
                $0.kind = kind.published
                $0.changes = part.map { change in
                    .with {
                        $0.sku = change.location.sku.code.text
                        $0.warehouse = change.location.warehouse.text
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
