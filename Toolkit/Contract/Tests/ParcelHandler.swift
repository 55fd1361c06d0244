import MartletContract
import MartletCore
import MartletTestContract
import SwiftProtobuf

/// Echoes requests in its responses, so that tests can check what arrived.
struct ParcelHandler: ParcelHandling {
    func storeParcel(_ request: StoreParcelRequest, _ call: Call) async throws -> StoreParcelResponse {
        guard request.shelf != "full" else {
            throw Fault(.failedPrecondition, "parcel.shelf_full", "the shelf is full")
        }
        return StoreParcelResponse.with {
            $0.items = UInt32(request.items.count)
            $0.by = call.principal.id.text
        }
    }

    func createParcel(_ request: CreateParcelRequest, _ call: Call) async throws -> CreateParcelResponse {
        CreateParcelResponse.with { $0.parcel = request.parcel }
    }

    func getParcel(_ request: GetParcelRequest, _ call: Call) async throws -> GetParcelResponse {
        GetParcelResponse.with { $0.parcel.parcelID = request.parcelID }
    }

    func listParcels(_ request: ListParcelsRequest, _ call: Call) async throws -> ListParcelsResponse {
        ListParcelsResponse.with { $0.asked = request }
    }

    func sendParcel(_ request: SendParcelRequest, _ call: Call) async throws -> SendParcelResponse {
        SendParcelResponse.with { $0.parcelID = request.parcelID }
    }

    func watchParcel(
        _ request: WatchParcelRequest,
        _ call: Call
    ) async throws -> ResponseStream<WatchParcelResponse> {
        let counter = Counter(end: request.number)
        return ResponseStream { await counter.next().map { number in WatchParcelResponse.with { $0.number = number } } }
    }

    func weighParcel(_ request: WeighParcelRequest, _ call: Call) async throws -> WeighParcelResponse {
        WeighParcelResponse.with { $0.weight = 1.5 }
    }

    private actor Counter {
        private var last: UInt32 = 0
        private let end: UInt32

        init(end: UInt32) { self.end = end }

        func next() -> UInt32? {
            guard last < end else { return nil }
            last += 1
            return last
        }
    }
}
