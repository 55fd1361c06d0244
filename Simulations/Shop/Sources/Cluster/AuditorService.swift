import CartsContract
import CatalogContract
import InventoryContract
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import OrdersContract
import PaymentsContract
import Shop

/// A consumer of all topics, built as any service: it records each event that takes effect, without deduplication.
struct AuditorService: ServiceBlueprint {
    static let name = "auditor"

    static let migrations = [
        Migration(
            "auditor",
            1,
            [
                """
                CREATE TABLE audited (
                    number INTEGER PRIMARY KEY, topic TEXT NOT NULL, key TEXT NOT NULL, source TEXT NOT NULL,
                    epoch BIGINT NOT NULL, sequence BIGINT NOT NULL, body BLOB NOT NULL)
                """
            ]
        )
    ]

    /// An event whose order is not that of its key.
    struct Misfiled: Error {}

    /// The topics that come first; all others follow.
    ///
    /// The order decides which random numbers a topic's consumer gets under a seed.
    private static let first = [
        OrdersTopics.orders.name, InventoryTopics.movements.name, PaymentsTopics.payments.name, CartsTopics.carts.name,
        CatalogTopics.products.name,
    ]

    init(on platform: Platform) {}

    var subscriptions: [Subscription] {
        let all = ShopContracts.topics.map { subscription(to: $0) }
        let listed = Self.first.compactMap { name in all.first { $0.topic == name } }
        return listed + all.filter { !Self.first.contains($0.topic) }
    }

    private func subscription(to topic: some EventTopic) -> Subscription {
        let typed = topic.typed
        guard typed.name != OrdersTopics.orders.name else {
            return record(OrdersTopics.orders) { change, event in
                guard change.orderID == event.key else { throw Misfiled() }
            }
        }
        return record(typed) { _, _ in }
    }

    private func record<Body>(
        _ topic: Topic<Body>,
        _ check: @escaping @Sendable (Body, Envelope) throws -> Void
    ) -> Subscription {
        .onEnvelope(topic, group: Self.name) { body, event, tx in
            try check(body, event)
            try tx.run(
                """
                INSERT INTO audited (topic, key, source, epoch, sequence, body)
                VALUES (\(event.topic), \(event.key), \(event.source), \(event.epoch), \(event.sequence), \(event.body))
                """
            )
        }
    }
}
