import MartletContract
import MartletCore
import MartletTestContract
import SwiftProtobuf
import Synchronization

/// A handler that records its calls, and fails according to the request's shelf.
final class ParcelHandler: ParcelHandling {
    private let seen = Mutex<[CallContext]>([])
    private let time: any TimeSource

    init(time: any TimeSource) { self.time = time }

    var last: CallContext? { seen.withLock { $0.last } }
    var calls: Int { seen.withLock { $0.count } }

    func storeParcel(_ request: StoreParcelRequest, _ call: Call) async throws -> StoreParcelResponse {
        seen.withLock { $0.append(call.context) }
        switch request.shelf {
        case "full": throw Fault(.failedPrecondition, "parcel.shelf_full", "the shelf is full")
        case "slow": try await time.sleep(until: time.now + .seconds(3_600))
        case "away": throw Fault(.unavailable, .unavailable, "the shelf is offline", retryAfter: .milliseconds(2_500))
        case "bug": throw Secret()
        default: break
        }
        return StoreParcelResponse.with {
            $0.items = UInt32(request.items.count)
            $0.by = call.principal.id.text
        }
    }

    func createParcel(_ request: CreateParcelRequest, _ call: Call) async throws -> CreateParcelResponse {
        seen.withLock { $0.append(call.context) }
        return CreateParcelResponse.with { $0.parcel = request.parcel }
    }

    func getParcel(_ request: GetParcelRequest, _ call: Call) async throws -> GetParcelResponse {
        seen.withLock { $0.append(call.context) }
        return GetParcelResponse.with { $0.parcel.parcelID = request.parcelID }
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
        let last = Counter()
        let fails = request.parcelID == "breaks"
        return ResponseStream {
            let number = last.next()
            if fails, number == 2 { throw Fault(.unavailable, .unavailable, "the shelf became unavailable") }
            return number <= request.number ? WatchParcelResponse.with { $0.number = number } : nil
        }
    }

    func weighParcel(_ request: WeighParcelRequest, _ call: Call) async throws -> WeighParcelResponse {
        WeighParcelResponse()
    }

    private final class Counter: Sendable {
        private let last = Mutex<UInt32>(0)

        func next() -> UInt32 {
            last.withLock { last in
                last += 1
                return last
            }
        }
    }
}

/// What must never reach a caller.
struct Secret: Error {
    let text = "password=hunter2"
}
