import InventoryContract
import MartletContract
import MartletCore
import SwiftProtobuf
import Synchronization

/// An inventory in a dictionary that keeps the contract's promises about repeats.
final class StockRoom: InventoryCalls {
    private struct State {
        var stock: [String: Int]
        var held: [String: [String: Int]] = [:]
        var sold: [String: [String: Int]] = [:]
        var closed: Set<String> = []
        var deliveries: [String: [String: Int]] = [:]
    }

    let script = Script()
    private let state: Mutex<State>

    init(_ stock: [String: Int] = ["mug": 10, "pen": 1]) { state = Mutex(State(stock: stock)) }

    /// Units on the shelf, by SKU.
    var stock: [String: Int] { state.withLock { $0.stock } }
    func fill(_ sku: String, _ units: Int) { state.withLock { $0.stock[sku] = units } }
    var promised: Int { state.withLock { $0.held.count } }

    /// Ends every promise, as inventory does when its time is over.
    func expire() {
        state.withLock { state in
            for (id, units) in state.held {
                for (sku, count) in units { state.stock[sku, default: 0] += count }
                state.closed.insert(id)
            }
            state.held = [:]
        }
    }

    /// Everything, in one line that is equal when the state is equal.
    var description: String {
        state.withLock { state in
            let stock = state.stock.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            return "\(stock) held \(state.held.keys.sorted()) sold \(state.sold.keys.sorted()) "
                + "back \(state.deliveries.keys.sorted())"
        }
    }

    func reserve(_ request: ReserveRequest, context: CallContext) async throws -> ReserveResponse {
        try await script.play("reserve") {
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

    func confirm(_ request: ConfirmRequest, context: CallContext) async throws -> ConfirmResponse {
        try await script.play("confirm") {
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

    func release(_ request: ReleaseRequest, context: CallContext) async throws -> ReleaseResponse {
        try await script.play("release") {
            state.withLock { state in
                let id = request.reservationID
                let units = state.held.removeValue(forKey: id) ?? state.sold.removeValue(forKey: id) ?? [:]
                for (sku, count) in units { state.stock[sku, default: 0] += count }
                state.closed.insert(id)
            }
            return ReleaseResponse()
        }
    }

    func receive(_ request: ReceiveRequest, context: CallContext) async throws -> ReceiveResponse {
        try await script.play("receive") {
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

    private func never() -> Fault { Fault(.unimplemented, .internal, "orders never ask this") }

    func correct(_: CorrectRequest, context: CallContext) async throws -> CorrectResponse { throw never() }
    func getStock(_: GetStockRequest, context: CallContext) async throws -> GetStockResponse { throw never() }
    func listStock(_: ListStockRequest, context: CallContext) async throws -> ListStockResponse { throw never() }
    func getReservation(_: GetReservationRequest, context: CallContext) async throws -> GetReservationResponse {
        throw never()
    }
}
