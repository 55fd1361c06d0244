import MartletContract
import MartletCore
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletTestContract
import SwiftProtobuf

/// Stores parcels: a table, a write, a read and an event.
struct ShelfService: ServiceBlueprint {
    static let name = "testing"
    static let migrations = [
        Migration("parcel", 1, ["CREATE TABLE parcels (parcel_id TEXT PRIMARY KEY, shelf TEXT NOT NULL)"])
    ]

    private let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var handlers: [ServedContract] {
        var served = ServedContract(
            name: "martlet.testing.v1.ParcelService",
            openAPI: "",
            topics: [ServedTopic(TestingTopics.parcelMoves.name)],
            on: platform
        )
        served.on(ParcelMethods.storeParcel) { (request: StoreParcelRequest, call) in
            try await call.write { tx in
                try tx.run(
                    """
                    INSERT INTO parcels (parcel_id, shelf) VALUES (\(request.parcelID), \(request.shelf))
                    ON CONFLICT (parcel_id) DO UPDATE SET shelf = excluded.shelf
                    """
                )
                let moved = ParcelMoved.with {
                    $0.parcelID = request.parcelID
                    $0.shelf = request.shelf
                }
                try tx.publish(moved, on: TestingTopics.parcelMoves)
                return StoreParcelResponse.with { $0.by = call.principal.id.text }
            }
        }
        served.on(ParcelMethods.getParcel) { (request: GetParcelRequest, call) in
            try await call.read { tx in
                let rows = try tx.run("SELECT shelf FROM parcels WHERE parcel_id = \(request.parcelID)")
                guard let row = rows.first else { throw Fault(.notFound, "parcel.unknown", "there is no such parcel") }
                return try GetParcelResponse.with { $0.parcel.shelf = try row.text(0) }
            }
        }
        return [served]
    }
}

/// Counts the parcels of `ShelfService` by their events.
struct CountingService: ServiceBlueprint {
    static let name = "counting"
    static let migrations = [Migration("counting", 1, ["CREATE TABLE counted (parcel_id TEXT PRIMARY KEY)"])]

    init(on platform: Platform) {}

    var subscriptions: [Subscription] {
        [
            .on(TestingTopics.parcelMoves, group: Self.name) { moved, tx in
                try tx.run("INSERT INTO counted (parcel_id) VALUES (\(moved.parcelID))")
            }
        ]
    }
}

/// Fails on every event.
struct FailingService: ServiceBlueprint {
    static let name = "failing"
    static let migrations: [Migration] = []

    init(on platform: Platform) {}

    var subscriptions: [Subscription] {
        [
            .on(TestingTopics.parcelMoves, group: Self.name) { _, _ in
                throw Fault(.internal, .internal, "always fails")
            }
        ]
    }
}

/// Stores parcels that another service has weighed.
struct WeighedShelfService: ServiceBlueprint {
    static let name = ShelfService.name
    static let migrations = ShelfService.migrations

    private let platform: Platform
    private let scales: ParcelClient

    init(on platform: Platform) {
        self.platform = platform
        scales = ParcelClient(over: platform.channel(to: "scales"))
    }

    var handlers: [ServedContract] {
        var served = ServedContract(
            name: "martlet.testing.v1.ParcelService",
            openAPI: "",
            topics: [ServedTopic(TestingTopics.parcelMoves.name)],
            on: platform
        )
        served.on(ParcelMethods.storeParcel) { [scales] (request: StoreParcelRequest, call) in
            let weighing = WeighParcelRequest.with { $0.parcelID = request.parcelID }
            let weight = try await scales.weighParcel(weighing, context: call.outgoing).weight
            guard weight <= 30 else {
                throw Fault(.failedPrecondition, "parcel.too_heavy", "at most 30 kg", field: "parcel_id")
            }
            return try await call.write { tx in
                try tx.run("INSERT INTO parcels (parcel_id, shelf) VALUES (\(request.parcelID), \(request.shelf))")
                return StoreParcelResponse.with { $0.by = call.principal.id.text }
            }
        }
        return [served]
    }
}

/// A fake of the service that weighs: `safe` weighs too much.
struct FakeScales {
    var contract: ServedContract {
        var served = ServedContract(name: "martlet.testing.v1.ParcelService", openAPI: "", on: NoPlatform())
        served.on(ParcelMethods.weighParcel) { (request: WeighParcelRequest, _) in
            WeighParcelResponse.with { $0.weight = request.parcelID == "safe" ? 80 : 2 }
        }
        return served
    }
}
