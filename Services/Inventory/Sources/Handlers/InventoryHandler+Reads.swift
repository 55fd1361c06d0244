import InventoryContract
import MartletContract
import MartletCore
import MartletSQL
import SharedContract
import SwiftProtobuf

extension InventoryHandler {
    func getStock(_ request: GetStockRequest, context: CallContext) async throws -> GetStockResponse {
        let levels = try await database.read("get stock", deadline: context.deadline) { tx in
            try stock.levels(of: request.sku, in: tx)
        }
        guard !levels.isEmpty else { throw StockError.unknownSKU(SKU(request.sku)) }
        return .with { $0.levels = levels }
    }

    func listStock(_ request: ListStockRequest, context: CallContext) async throws -> ListStockResponse {
        let size = request.pageSize == 0 ? 200 : Int(request.pageSize)
        let after = try PageToken(request.pageToken, parts: 2)
        let levels = try await database.read("list stock", deadline: context.deadline) { tx in
            try stock.levels(after: after[0], after[1], limit: size + 1, in: tx)
        }
        return .with {
            $0.levels = Array(levels.prefix(size))
            if levels.count > size, let last = $0.levels.last {
                $0.page.nextPageToken = PageToken([last.sku, last.warehouse]).text
            }
        }
    }

    func getReservation(
        _ request: GetReservationRequest,
        context: CallContext
    ) async throws -> GetReservationResponse {
        try await database.read("get reservation", deadline: context.deadline) { tx in
            try stock.reservation(request.reservationID, in: tx)
        }
    }
}
