import InventoryContract
import MartletContract
import MartletCore
import MartletSQL
import SharedContract
import SwiftProtobuf

extension InventoryHandler {
    func getStock(_ request: GetStockRequest, context: CallContext) async throws -> GetStockResponse {
        let levels = try await database.read("get stock", deadline: context.deadline) { tx in
            try tx.run(
                """
                SELECT sku, warehouse, on_hand, available, received, sold, returned, corrected FROM stock
                WHERE sku = \(request.sku) ORDER BY warehouse
                """
            ).map(Self.level)
        }
        guard !levels.isEmpty else { throw StockError.unknownSKU(SKU(request.sku)).fault }
        return .with { $0.levels = levels }
    }

    func listStock(_ request: ListStockRequest, context: CallContext) async throws -> ListStockResponse {
        let size = request.pageSize == 0 ? 200 : Int(request.pageSize)
        let after = try PageToken(request.pageToken, parts: 2)
        let levels = try await database.read("list stock", deadline: context.deadline) { tx in
            try tx.run(
                """
                SELECT sku, warehouse, on_hand, available, received, sold, returned, corrected FROM stock
                WHERE (sku, warehouse) > (\(after[0]), \(after[1])) ORDER BY sku, warehouse LIMIT \(size + 1)
                """
            ).map(Self.level)
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
            let id = request.reservationID
            guard let row = try tx.run("SELECT status, expires_at FROM reservations WHERE id = \(id)").first else {
                throw StockError.unknownReservation(id).fault
            }
            let lines = try tx.run(
                """
                SELECT sku, SUM(units) FROM reservation_lines WHERE reservation_id = \(id) GROUP BY sku ORDER BY sku
                """
            )
            return .with {
                $0.status =
                    switch row.text(0) {
                    case "held": .held
                    case "confirmed": .confirmed
                    case "expired": .expired
                    default: .released
                    }
                $0.expires = .init(Timestamp(microseconds: row.int64(1)))
                $0.lines = lines.map { line in
                    .with {
                        $0.sku = line.text(0)
                        $0.quantity = UInt32(clamping: line.int(1))
                    }
                }
            }
        }
    }

    private static func level(_ row: SQLRow) -> StockLevel {
        .with {
            $0.sku = row.text(0)
            $0.warehouse = row.text(1)
            $0.onHand = row.int64(2)
            $0.available = row.int64(3)
            $0.received = row.int64(4)
            $0.sold = row.int64(5)
            $0.returned = row.int64(6)
            $0.corrected = row.int64(7)
        }
    }
}
