import MartletSQL
import Testing

@Suite("SQL query")
struct SQLQueryTests {
    @Test("binds each interpolated value as a numbered parameter")
    func interpolation() {
        let none: Int? = nil
        let query: SQLQuery = "SELECT \(1), \("a"), \(none), \(true), \([UInt8]([1])) WHERE x = \(1)"
        #expect(query.text == "SELECT $1, $2, $3, $4, $5 WHERE x = $6")
        #expect(query.values == [.integer(1), .text("a"), .null(.integer), .integer(1), .bytes([1]), .integer(1)])
    }

    @Test("list: numbers its values after the preceding parameters; an empty list becomes NULL")
    func list() {
        let query: SQLQuery = "a = \(0) AND b IN (\(list: ["x", "y"])) AND c IN (\(list: [Int]()))"
        #expect(query.text == "a = $1 AND b IN ($2, $3) AND c IN (NULL)")
        #expect(query.values == [.integer(0), .text("x"), .text("y")])
    }
}
