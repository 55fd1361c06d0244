import InventoryContract
import MartletContract
import MartletCore
import MartletOutbox
import MartletSQL
import SharedContract
import SwiftProtobuf

/// Converts inventory requests into domain calls and results into responses.
struct InventoryHandler: InventoryHandling {
    let stock: StockStore

    func reserve(_ request: ReserveRequest, _ call: Call) async throws -> ReserveResponse {
        try await call.write(locking: StockStore.lockNames(of: request.lines.map { SKU($0.sku) })) { tx in
            let units = request.lines.reduce(into: [SKU: Int]()) { $0[SKU($1.sku), default: 0] += Int($1.quantity) }
            let hold = request.holdSeconds == 0 ? StockStore.holdDefault : .seconds(Int64(request.holdSeconds))
            do {
                let expires = try stock.change(request.reservationID, adding: units.keys, hold: hold, in: tx) {
                    try $0.reserve(units)
                }
                return ReserveResponse.with { $0.expires = .init(expires) }
            } catch let error as StockError {
                throw error.fault(naming: request.lines)
            }
        }
    }

    func confirm(_ request: ConfirmRequest, _ call: Call) async throws -> ConfirmResponse {
        let names = try await lockNames(of: request.reservationID, call)
        return try await call.write(locking: names) { tx in
            try stock.change(request.reservationID, in: tx) { try $0.confirm() }
            return ConfirmResponse()
        }
    }

    func release(_ request: ReleaseRequest, _ call: Call) async throws -> ReleaseResponse {
        let names = try await lockNames(of: request.reservationID, call)
        return try await call.write(locking: names) { tx in
            try stock.change(request.reservationID, in: tx) { $0.release() }
            return ReleaseResponse()
        }
    }

    func receive(_ request: ReceiveRequest, _ call: Call) async throws -> ReceiveResponse {
        try await call.write(locking: StockStore.lockNames(of: request.lines.map { SKU($0.sku) })) { tx in
            let units = request.lines.reduce(into: [SKU: Int]()) { $0[SKU($1.sku), default: 0] += Int($1.quantity) }
            let kind: MovementKind = request.kind == .return ? .returned : .received
            try stock.receive(
                request.deliveryID,
                units,
                warehouse: warehouse(request.warehouse),
                kind: kind,
                in: tx
            )
            return ReceiveResponse()
        }
    }

    func correct(_ request: CorrectRequest, _ call: Call) async throws -> CorrectResponse {
        try await call.write(locking: StockStore.lockNames(of: [SKU(request.sku)])) { tx in
            let location = StockLocation(sku: SKU(request.sku), warehouse: warehouse(request.warehouse))
            let onHand = try stock.correct(request.correctionID, location, by: Int(request.change), in: tx)
            return CorrectResponse.with { $0.onHand = Int64(onHand) }
        }
    }

    /// The locks of the stock that a reservation holds; the handlers decide anew inside their transactions.
    private func lockNames(of reservationID: String, _ call: Call) async throws -> [ExactText] {
        try await call.lockNames { tx in try stock.lockNames(ofReservation: reservationID, in: tx) }
    }

    private func warehouse(_ name: String) -> ExactText { name.isEmpty ? StockLocation.mainWarehouse : ExactText(name) }
}
