import InventoryContract
import MartletContract
import MartletCore
import MartletSQL
import SharedContract
import SwiftProtobuf

extension InventoryHandler {
    func getStock(_ request: GetStockRequest, _ call: Call) async throws -> GetStockResponse {
        let levels = try await call.read { tx in
            try stock.levels(of: SKU(request.sku), in: tx)
        }
        guard !levels.isEmpty else { throw StockError.unknownSKU(SKU(request.sku)) }
        return .with { $0.levels = levels }
    }

    func listStock(_ request: ListStockRequest, _ call: Call) async throws -> ListStockResponse {
        let page = try ListPage(request, size: 200, keys: 2)
        let found = try await call.read(kind: .scan) { tx in
            try stock.levels(after: SKU(page.after[0]), page.after[1], limit: page.limit, in: tx)
        }
        let (levels, next) = page.cut(found) { [$0.sku, $0.warehouse] }
        return .with {
            $0.levels = levels
            if !next.isEmpty { $0.page.nextPageToken = next }
        }
    }

    func getReservation(
        _ request: GetReservationRequest,
        _ call: Call
    ) async throws -> GetReservationResponse {
        try await call.read { tx in
            try stock.reservation(request.reservationID, in: tx)
        }
    }
}
