import MartletContract
import MartletCore
import MartletHost
import MartletOutbox
import MartletSQL
import MartletTestContract
import SwiftProtobuf

/// Creates parcels, and with each of them moves the one that was created ``distance`` parcels before.
struct MovingParcels: ServiceBlueprint {
    static let name = ParcelsService.name
    static let migrations = ParcelStore.migrations
    /// Parcels that are created between the two events of one.
    static let distance = 40

    private let platform: Platform

    init(on platform: Platform) { self.platform = platform }

    var handlers: [ServedContract] {
        [
            ParcelStore.contract(on: platform) { request, call in
                let response = try await call.write { (tx: borrowing SQLTransaction) in
                    let parcel = try ParcelStore.create(request.parcel, in: tx)
                    try ParcelStore.publish(parcel, in: tx)
                    if let moved = try ParcelStore.last(before: Self.distance, in: tx) {
                        try ParcelStore.publish(moved, in: tx)
                    }
                    return CreateParcelResponse.with { $0.parcel = parcel }
                }
                return response.parcel
            }
        ]
    }
}
