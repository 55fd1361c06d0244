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

    @Test("queries of one place have the same text, whatever their values")
    func sameText() {
        func query(_ id: Int, _ name: String?) -> SQLQuery { "SELECT a FROM t WHERE id = \(id) AND name = \(name)" }
        #expect(query(1, "a").hasSameText(as: query(2, nil)))
        #expect(query(1, "a").textHash == query(2, nil).textHash)
        #expect(query(1, "a") != query(2, nil))
        #expect(query(1, "a") == query(1, "a"))
    }

    @Test("another literal, another number of values and another lock: not the same text")
    func otherText() {
        func list(_ ids: [Int]) -> SQLQuery { "SELECT a FROM t WHERE id IN (\(list: ids))" }
        func locked(_ dialect: SQLDialect) -> SQLQuery { "SELECT a FROM t \(lock: .waiting, in: dialect)" }
        #expect(list([1, 2]).hasSameText(as: list([3, 4])))
        #expect(!list([1, 2]).hasSameText(as: list([1, 2, 3])))
        #expect(!list([1]).hasSameText(as: list([])))
        #expect(!locked(.sqlite).hasSameText(as: locked(.postgres)))
        let (a, b): (SQLQuery, SQLQuery) = ("SELECT \(1) + 1", "SELECT \(1) + 2")
        #expect(!a.hasSameText(as: b))
    }

    @Test("a text that was put together is compared by its bytes, and equals the same text of literals")
    func unchecked() {
        let value = SQLValue.integer(7)
        let query = SQLQuery(unchecked: "SELECT $1", values: [value])
        let literal: SQLQuery = "SELECT \(7)"
        #expect(query.text == "SELECT $1" && query.values == [value])
        #expect(query.hasSameText(as: SQLQuery(unchecked: "SELECT" + " $1", values: [.text("a")])))
        #expect(!query.hasSameText(as: SQLQuery(unchecked: "SELECT $1 ", values: [value])))
        #expect(query == literal && Set([query, literal]).count == 1)
    }

    @Test("without values: the same text, and NULL for each value")
    func withoutValues() {
        let query: SQLQuery = "SELECT \("secret"), \(1)"
        #expect(query.withoutValues.hasSameText(as: query))
        #expect(query.withoutValues.values == [.null(nil), .null(nil)])
    }
}
