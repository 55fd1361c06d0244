import MartletContract
import MartletCore
import MartletHost
import MartletOutbox
import MartletSQL
import MartletTestContract
import SwiftProtobuf

/// Creates parcels: a table, a write with an idempotency key, and an event in the same transaction.
struct ParcelsService: ServiceBlueprint {
    static let name = "parcels"
    static let migrations = ParcelStore.migrations

    private let database: any SQLDatabase

    init(on platform: Platform) { database = platform.database }

    var handlers: [ServedContract] {
        [
            ParcelStore.contract { [database] request, context in
                let response = try await context.transaction(on: database, ParcelMethods.createParcel, request) {
                    (tx: borrowing SQLTransaction) in
                    let parcel = try ParcelStore.create(request.parcel, in: tx)
                    try ParcelStore.publish(parcel, in: tx)
                    return CreateParcelResponse.with { $0.parcel = parcel }
                }
                return response.parcel
            }
        ]
    }
}
