import CartsContract
import CatalogContract
import InventoryContract
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import OrdersContract
import PaymentsContract

/// A consumer of everything, built as any service is: it writes down each event that takes effect, without asking whether it
/// has done so before.
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

    init(on platform: Platform) {}

    var subscriptions: [Subscription] {
        [
            audit(OrdersTopics.orders), audit(InventoryTopics.movements), audit(PaymentsTopics.payments),
            audit(CartsTopics.carts), audit(CatalogTopics.products),
        ]
    }

    private func audit<Body>(_ topic: Topic<Body>) -> Subscription {
        .onEnvelope(topic, group: Self.name) { _, event, tx in
            try tx.run(
                """
                INSERT INTO audited (topic, key, source, epoch, sequence, body)
                VALUES (\(event.topic), \(event.key), \(event.source), \(event.epoch), \(event.sequence), \(event.body))
                """
            )
        }
    }
}
