import MartletContract
import MartletCore
import MartletHost
import MartletOutbox
import MartletSQL
import MartletTestContract
import SwiftProtobuf

/// A defect: it ignores the idempotency key, so that a repeat creates another parcel.
struct KeylessParcels: ServiceBlueprint {
    static let name = ParcelsService.name
    static let migrations = ParcelStore.migrations

    private let database: any SQLDatabase

    init(on platform: Platform) { database = platform.database }

    var handlers: [ServedContract] {
        [
            ParcelStore.contract { [database] request, context in
                try await database.transaction("create", deadline: context.deadline) {
                    (tx: borrowing SQLTransaction) in
                    let parcel = try ParcelStore.create(request.parcel, in: tx)
                    try ParcelStore.publish(parcel, in: tx)
                    return parcel
                }
            }
        ]
    }
}

/// A defect: it publishes in a second transaction, which a repeat does not begin again.
struct TwoCommitParcels: ServiceBlueprint {
    static let name = ParcelsService.name
    static let migrations = ParcelStore.migrations

    private let database: any SQLDatabase

    init(on platform: Platform) { database = platform.database }

    var handlers: [ServedContract] {
        [
            ParcelStore.contract { [database] request, context in
                let method = ParcelMethods.createParcel
                let stored: CreateParcelResponse? = try await context.storedResponse(on: database, method, request)
                if let stored { return stored.parcel }
                let created = try await context.transaction(on: database, method, request) {
                    (tx: borrowing SQLTransaction) in
                    let parcel = try ParcelStore.create(request.parcel, in: tx)
                    return CreateParcelResponse.with { $0.parcel = parcel }
                }
                try await database.transaction("publish", deadline: context.deadline) {
                    (tx: borrowing SQLTransaction) in
                    try ParcelStore.publish(created.parcel, in: tx)
                }
                return created.parcel
            }
        ]
    }
}
