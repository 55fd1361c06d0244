import MartletEventSourcing
import MartletSQL

extension OrderEvent {
    /// Read the events of schema 1, in which what the customer wrote stood itself: it was moved, and its id added.
    static let upcasters = ["cancel_requested", "cancelled"].map { type in
        Upcaster(type, schema: 1) { old in
            let event = try StoredJSON.value(OrderEvent.self, from: old.body)
            return NewEvent(type: old.type, schema: 2, body: try StoredJSON.text(event))
        }
    }
}
