import CartsContract
import CatalogContract
import InventoryContract
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import OrdersContract
import PaymentsContract

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

    init(on platform: Platform) {}

    var subscriptions: [Subscription] {
        [
            record(OrdersTopics.orders) { change, event in
                guard change.orderID == event.key else { throw Misfiled() }
            },
            record(InventoryTopics.movements), record(PaymentsTopics.payments),
            record(CartsTopics.carts), record(CatalogTopics.products),
        ]
    }

    private func record<Body>(
        _ topic: Topic<Body>,
        _ check: @escaping @Sendable (Body, Envelope) throws -> Void = { _, _ in }
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
