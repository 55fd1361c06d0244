import MartletSQL
import Testing

@testable import Inventory

@Suite("Rows of a statement")
struct StatementRowsTests {
    @Test("parts have the sizes of statements, and together all rows in their order", arguments: [0, 1, 3, 4, 25, 77])
    func parts(count: Int) {
        let rows = Array(0..<count)
        var parts: [[Int]] = []
        StatementRows.split(rows) { parts.append(Array($0)) }
        #expect(parts.flatMap { $0 } == rows)
        #expect(parts.allSatisfy { StatementRows.sizes.contains($0.count) })
        #expect(count != 25 || parts.map(\.count) == [16, 8, 1])
    }

    @Test("rows are bound in their order")
    func values() {
        let rows = [["a".sqlValue, 1.sqlValue], ["b".sqlValue, 2.sqlValue]]
        let query: SQLQuery = "INSERT INTO t (a, b) VALUES \(rows: rows)"
        #expect(query.text == "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4)")
        #expect(query.values == [.text("a"), .integer(1), .text("b"), .integer(2)])
    }
}
