import MartletContract
import MartletCore
import MartletHost
import MartletOutbox
import MartletSQL
import MartletTestContract
import SwiftProtobuf
import Synchronization

/// Creates parcels that another service has weighed.
struct WeighingParcels: ServiceBlueprint {
    static let name = ParcelsService.name
    static let migrations = ParcelStore.migrations

    private let platform: Platform
    private let scales: ParcelClient

    init(on platform: Platform) {
        self.platform = platform
        scales = ParcelClient(over: platform.channel(to: Scales.name))
    }

    var handlers: [ServedContract] {
        [
            ParcelStore.contract(on: platform) { [scales] request, call in
                _ = try await scales.weighParcel(WeighParcelRequest(), context: call.outgoing)
                let response = try await call.write { (tx: borrowing SQLTransaction) in
                    let parcel = try ParcelStore.create(request.parcel, in: tx)
                    return CreateParcelResponse.with { $0.parcel = parcel }
                }
                return response.parcel
            }
        ]
    }
}

/// A fake of the service that weighs.
final class Scales: Sendable {
    static let name = "scales"

    private let count = Mutex(0)

    var calls: Int { count.withLock { $0 } }

    var contract: ServedContract {
        var served = ServedContract(name: "martlet.testing.v1.ParcelService", openAPI: "", on: NoPlatform())
        served.on(ParcelMethods.weighParcel) { [self] (_: WeighParcelRequest, _) in
            count.withLock { $0 += 1 }
            return WeighParcelResponse()
        }
        return served
    }
}
