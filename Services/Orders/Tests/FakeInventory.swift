import InventoryContract
import MartletContract
import MartletCore
import MartletTesting
import SwiftProtobuf
import Synchronization

/// A fake inventory in memory; repeats are idempotent, as the contract requires.
final class FakeInventory: InventoryHandling {
    private struct State {
        var stock: [String: Int]
        var held: [String: [String: Int]] = [:]
        var sold: [String: [String: Int]] = [:]
        var closed: Set<String> = []
        var deliveries: [String: [String: Int]] = [:]
    }

    let script = Script()
    var client: InventoryClient { InventoryClient(over: InProcessChannel(.inventory(self, on: NoPlatform()))) }
    private let state: Mutex<State>

    init(_ stock: [String: Int] = ["mug": 10, "pen": 1]) { state = Mutex(State(stock: stock)) }

    /// Available units, by SKU.
    var stock: [String: Int] { state.withLock { $0.stock } }
    func setStock(_ sku: String, _ units: Int) { state.withLock { $0.stock[sku] = units } }
    var heldReservations: Int { state.withLock { $0.held.count } }

    /// Lets every held reservation expire.
    func expire() {
        state.withLock { state in
            for (id, units) in state.held {
                for (sku, count) in units { state.stock[sku, default: 0] += count }
                state.closed.insert(id)
            }
            state.held = [:]
        }
    }

    /// The whole state in one line.
    var description: String {
        state.withLock { state in
            let stock = state.stock.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            return "\(stock) held \(state.held.keys.sorted()) sold \(state.sold.keys.sorted()) "
                + "back \(state.deliveries.keys.sorted())"
        }
    }

    func reserve(_ request: ReserveRequest, _ call: Call) async throws -> ReserveResponse {
        try await script.perform("reserve") {
            try state.withLock { state in
                let id = request.reservationID
                let units = request.lines.reduce(into: [String: Int]()) { $0[$1.sku, default: 0] += Int($1.quantity) }
                guard !state.closed.contains(id) else {
                    throw Fault(.failedPrecondition, "inventory.reservation_closed", "closed")
                }
                guard state.held[id] == nil, state.sold[id] == nil else { return }
                for (sku, count) in units where state.stock[sku, default: 0] < count {
                    throw Fault(.failedPrecondition, "inventory.insufficient_stock", "too few")
                }
                for (sku, count) in units { state.stock[sku, default: 0] -= count }
                state.held[id] = units
            }
            return ReserveResponse()
        }
    }

    func confirm(_ request: ConfirmRequest, _ call: Call) async throws -> ConfirmResponse {
        try await script.perform("confirm") {
            try state.withLock { state in
                let id = request.reservationID
                guard state.sold[id] == nil else { return }
                guard let units = state.held.removeValue(forKey: id) else {
                    throw Fault(.failedPrecondition, "inventory.reservation_closed", "closed")
                }
                state.sold[id] = units
            }
            return ConfirmResponse()
        }
    }

    func release(_ request: ReleaseRequest, _ call: Call) async throws -> ReleaseResponse {
        try await script.perform("release") {
            state.withLock { state in
                let id = request.reservationID
                let units = state.held.removeValue(forKey: id) ?? state.sold.removeValue(forKey: id) ?? [:]
                for (sku, count) in units { state.stock[sku, default: 0] += count }
                state.closed.insert(id)
            }
            return ReleaseResponse()
        }
    }

    func receive(_ request: ReceiveRequest, _ call: Call) async throws -> ReceiveResponse {
        try await script.perform("receive") {
            try request.checkRules()
            state.withLock { state in
                guard state.deliveries[request.deliveryID] == nil else { return }
                let units = request.lines.reduce(into: [String: Int]()) { $0[$1.sku, default: 0] += Int($1.quantity) }
                for (sku, count) in units { state.stock[sku, default: 0] += count }
                state.deliveries[request.deliveryID] = units
            }
            return ReceiveResponse()
        }
    }

    private func notCalled() -> Fault { Fault(.unimplemented, .internal, "not called by orders") }

    func correct(_: CorrectRequest, _ call: Call) async throws -> CorrectResponse { throw notCalled() }
    func getStock(_: GetStockRequest, _ call: Call) async throws -> GetStockResponse { throw notCalled() }
    func listStock(_: ListStockRequest, _ call: Call) async throws -> ListStockResponse { throw notCalled() }
    func getReservation(_: GetReservationRequest, _ call: Call) async throws -> GetReservationResponse {
        throw notCalled()
    }
}
