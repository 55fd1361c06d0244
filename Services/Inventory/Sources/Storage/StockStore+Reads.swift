import InventoryContract
import MartletContract
import MartletCore
import MartletSQL
import SharedContract
import SwiftProtobuf

extension StockStore {
    /// The levels of a SKU, by warehouse; empty for an unknown one.
    func levels(of sku: SKU, in tx: borrowing SQLTransaction) throws -> [StockLevel] {
        try tx.run(
            """
            SELECT sku, warehouse, on_hand, available, received, sold, returned, corrected FROM stock
            WHERE sku = \(sku.code) ORDER BY warehouse
            """
        ).map(Self.level)
    }

    /// The levels after a SKU and a warehouse, in this order.
    func levels(
        after sku: SKU,
        _ warehouse: String,
        limit: Int,
        in tx: borrowing SQLTransaction
    ) throws -> [StockLevel] {
        try tx.run(
            """
            SELECT sku, warehouse, on_hand, available, received, sold, returned, corrected FROM stock
            WHERE (sku, warehouse) > (\(sku.code), \(warehouse)) ORDER BY sku, warehouse LIMIT \(limit)
            """
        ).map(Self.level)
    }

    /// - Throws: `StockError.unknownReservation`; `UnreadableRow`.
    func reservation(_ id: String, in tx: borrowing SQLTransaction) throws -> GetReservationResponse {
        guard let row = try tx.run("SELECT status, expires_at FROM reservations WHERE id = \(id)").first else {
            throw StockError.unknownReservation(id)
        }
        let lines = try tx.run(
            """
            SELECT sku, SUM(units) FROM reservation_lines WHERE reservation_id = \(id) GROUP BY sku ORDER BY sku
            """
        )
        let status = try row.decode(0, as: Reservation.StoredStatus.self)
        return try .with {
            $0.status =
                switch status {
                case .held: .held
                case .confirmed: .confirmed
                case .released: .released
                case .expired: .expired
                }
            $0.expires = try .init(Timestamp(microseconds: row.int64(1)))
            $0.lines = try lines.map { line in
                try .with {
                    $0.sku = try line.text(0)
                    $0.quantity = try UInt32(clamping: line.int(1))
                }
            }
        }
    }

    private static func level(_ row: SQLRow) throws -> StockLevel {
        try .with {
            $0.sku = try row.text(0)
            $0.warehouse = try row.text(1)
            $0.onHand = try row.int64(2)
            $0.available = try row.int64(3)
            $0.received = try row.int64(4)
            $0.sold = try row.int64(5)
            $0.returned = try row.int64(6)
            $0.corrected = try row.int64(7)
        }
    }
}
