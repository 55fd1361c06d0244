import MartletContract
import MartletCore
import MartletHost
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletTestContract
import SwiftProtobuf

/// The tables and the contract of the simulated parcel services, sound and broken.
enum ParcelStore {
    static let migrations = [
        Migration(
            "parcels",
            1,
            ["CREATE TABLE created_parcels (parcel_id TEXT PRIMARY KEY, shelf TEXT NOT NULL)"]
        )
    ]

    /// Stores a parcel under the next id.
    static func create(_ parcel: Parcel, in tx: borrowing SQLTransaction) throws -> Parcel {
        let count = try tx.run("SELECT COUNT(*) FROM created_parcels").first?.int(0) ?? 0
        var parcel = parcel
        parcel.parcelID = "parcel-\(count + 1)"
        try tx.run("INSERT INTO created_parcels (parcel_id, shelf) VALUES (\(parcel.parcelID), \(parcel.shelf))")
        return parcel
    }

    /// The parcel that was created this many parcels before the last one; `nil` when there are not as many.
    static func last(before distance: Int, in tx: borrowing SQLTransaction) throws -> Parcel? {
        let count = try tx.run("SELECT COUNT(*) FROM created_parcels").first?.int(0) ?? 0
        let id = "parcel-\(count - distance)"
        let row = try tx.run("SELECT shelf FROM created_parcels WHERE parcel_id = \(id)").first
        guard let shelf = try row?.text(0) else { return nil }
        return Parcel.with {
            $0.parcelID = id
            $0.shelf = shelf
        }
    }

    static func publish(_ parcel: Parcel, in tx: borrowing SQLTransaction) throws {
        let moved = ParcelMoved.with {
            $0.parcelID = parcel.parcelID
            $0.shelf = parcel.shelf
        }
        try tx.append(OutgoingEvent(moved, on: TestingTopics.parcelMoves))
    }

    /// A contract that only creates parcels.
    static func contract(
        on platform: Platform,
        _ create: @escaping @Sendable (CreateParcelRequest, Call) async throws -> Parcel
    ) -> ServedContract {
        var served = ServedContract(
            name: "martlet.testing.v1.ParcelService",
            openAPI: "",
            topics: [ServedTopic(TestingTopics.parcelMoves.name)],
            on: platform
        )
        served.on(ParcelMethods.createParcel) { (request: CreateParcelRequest, call) in
            let parcel = try await create(request, call)
            return CreateParcelResponse.with { $0.parcel = parcel }
        }
        return served
    }
}
