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

    private let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var handlers: [ServedContract] {
        [
            ParcelStore.contract(on: platform) { request, call in
                try await call.database.transaction("create", deadline: call.deadline) {
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

    private let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var handlers: [ServedContract] {
        [
            ParcelStore.contract(on: platform) { request, call in
                let stored: CreateParcelResponse? = try await call.storedResponse()
                if let stored { return stored.parcel }
                let created = try await call.write { (tx: borrowing SQLTransaction) in
                    let parcel = try ParcelStore.create(request.parcel, in: tx)
                    return CreateParcelResponse.with { $0.parcel = parcel }
                }
                try await call.database.transaction("publish", deadline: call.deadline) {
                    (tx: borrowing SQLTransaction) in
                    try ParcelStore.publish(created.parcel, in: tx)
                }
                return created.parcel
            }
        ]
    }
}
