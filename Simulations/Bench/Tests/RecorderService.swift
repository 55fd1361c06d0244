import MartletContract
import MartletCore
import MartletHost
import MartletOutbox
import MartletSQL
import MartletTestContract
import SwiftProtobuf

/// Stores every event of `ShelfService` as it is handled, so that a check can read what happened, and in which order.
struct RecorderService: ServiceBlueprint {
    static let name = "recorder"
    static let migrations = [
        Migration(
            "recorder",
            1,
            ["CREATE TABLE moves (number BIGINT PRIMARY KEY, parcel_id TEXT NOT NULL, shelf TEXT NOT NULL)"]
        )
    ]

    init(on platform: Platform) {}

    var subscriptions: [Subscription] {
        [
            .on(TestingTopics.parcelMoves, group: Self.name) { moved, tx in
                let number = try tx.run("SELECT COUNT(*) FROM moves")[0].int(0)
                try tx.run(
                    "INSERT INTO moves (number, parcel_id, shelf) VALUES (\(number), \(moved.parcelID), \(moved.shelf))"
                )
            }
        ]
    }
}
