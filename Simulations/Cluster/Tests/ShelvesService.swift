import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletTestContract

/// Counts the parcels of each shelf, by the events of ``ParcelsService``.
struct ShelvesService: ServiceBlueprint {
    static let name = "shelves"
    static let migrations = [
        Migration("shelves", 1, ["CREATE TABLE shelf_counts (shelf TEXT PRIMARY KEY, parcels BIGINT NOT NULL)"])
    ]

    init(on platform: Platform) {}

    var subscriptions: [Subscription] {
        [
            .on(TestingTopics.parcelMoves, group: Self.name) { moved, tx in
                try tx.run(
                    """
                    INSERT INTO shelf_counts (shelf, parcels) VALUES (\(moved.shelf), 1)
                    ON CONFLICT (shelf) DO UPDATE SET parcels = parcels + 1
                    """
                )
            }
        ]
    }
}

/// A defect: it cannot handle any event.
struct FailingShelves: ServiceBlueprint {
    struct Failure: Error {}

    static let name = ShelvesService.name
    static let migrations = ShelvesService.migrations

    init(on platform: Platform) {}

    var subscriptions: [Subscription] {
        [.on(TestingTopics.parcelMoves, group: Self.name) { _, _ in throw Failure() }]
    }
}
