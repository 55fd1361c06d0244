import Foundation
import ShopSimulation

/// The sizes of all tables after many days.
struct SizeReport: Encodable {
    let days: Int
    let ordersPerDay: Int
    let seed: UInt64
    let tables: [TableSize]

    /// Human-readable: a line for each table.
    var text: String {
        let head = "\(days) days with \(ordersPerDay) orders each, seed \(seed):\n"
        return head
            + tables.map { size in
                let name = "\(size.service).\(size.table)".padding(toLength: 32, withPad: " ", startingAt: 0)
                let rows = "\(size.rows)"
                return "\(name)\(String(repeating: " ", count: max(1, 10 - rows.count)))\(rows)  \(size.retention)\n"
            }.joined()
    }

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}
