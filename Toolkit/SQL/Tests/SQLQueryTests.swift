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

    @Test("numbers a hundred parameters, and an absent one has its type")
    func many() {
        let query: SQLQuery = "a IN (\(list: Array(1...99))) OR b = \(Optional<String>.none)"
        #expect(query.text == "a IN (\((1...99).map { "$\($0)" }.joined(separator: ", "))) OR b = $100")
        #expect(query.values == (1...99).map { .integer($0) } + [.null(.text)])
        #expect(query.values.last?.type == .text)
    }

    @Test("the lock of a SELECT is text of PostgreSQL, and none of SQLite, and binds nothing")
    func rowLocks() {
        func query(_ lock: SQLRowLock, _ dialect: SQLDialect) -> SQLQuery {
            "SELECT id FROM t WHERE id = \(1) \(lock: lock, in: dialect)"
        }
        #expect(query(.waiting, .sqlite).text == "SELECT id FROM t WHERE id = $1 ")
        #expect(query(.waiting, .postgres).text == "SELECT id FROM t WHERE id = $1 FOR UPDATE")
        #expect(query(.skipping, .postgres).text == "SELECT id FROM t WHERE id = $1 FOR UPDATE SKIP LOCKED")
        #expect(query(.skipping, .postgres).values == [.integer(1)])
    }
}
