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

    private let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var handlers: [ServedContract] {
        [
            ParcelStore.contract(on: platform) { request, call in
                let response = try await call.write { (tx: borrowing SQLTransaction) in
                    let parcel = try ParcelStore.create(request.parcel, in: tx)
                    try ParcelStore.publish(parcel, in: tx)
                    return CreateParcelResponse.with { $0.parcel = parcel }
                }
                return response.parcel
            }
        ]
    }
}
