import MartletMessaging
import OrdersContract

/// Events that a defect of `orders` publishes: they are of no order, and of keys of their own.
///
/// They are published beside its outbox, as its service, since the log takes the events of a topic from its owner alone.
enum PlantedEvents {
    static let source = "orders"
    static let topic = OrdersTopics.orders.name
    private static let prefixes = ["ending-", "garbled-", "poisoned-"]

    /// Whether no order has published the event of this key.
    static func has(_ key: String) -> Bool { prefixes.contains { key.hasPrefix($0) } }
}
