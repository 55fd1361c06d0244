import MartletSQL
import Testing

@Suite("Decoding a row")
struct SQLRowTests {
    enum Color: String {
        case red
        case darkBlue = "dark_blue"
    }

    private let row = SQLRow([.text("dark_blue"), .text("green"), .integer(300), .null(nil)])

    @Test("text: the case with this raw value")
    func text() throws {
        #expect(try row.decode(0, as: Color.self) == .darkBlue)
    }

    @Test("text that is not a case's raw value, another type and NULL: the error names column and value")
    func unreadableText() {
        #expect(throws: UnreadableRow(column: 1, value: .text("green"), as: Color.self)) {
            try row.decode(1, as: Color.self)
        }
        #expect(throws: UnreadableRow(column: 2, value: .integer(300), as: Color.self)) {
            try row.decode(2, as: Color.self)
        }
        #expect(throws: UnreadableRow(column: 3, value: .null(nil), as: Color.self)) {
            try row.decode(3, as: Color.self)
        }
    }

    @Test("integer: in range, and one past it")
    func integer() throws {
        #expect(try row.decode(2, as: Int32.self) == 300)
        #expect(throws: UnreadableRow(column: 2, value: .integer(300), as: UInt8.self)) {
            try row.decode(2, as: UInt8.self)
        }
    }

    @Test("a column of another type: every reader throws and names column and type")
    func otherType() {
        func reads<R>(_ column: Int, as type: Any.Type, _ read: (Int) throws -> R) {
            let stored = row.values.indices.contains(column) ? row.values[column] : nil
            #expect(throws: UnreadableRow(column: column, value: stored, as: type)) { try read(column) }
        }
        for column in [0, 3, 4, -1] {
            reads(column, as: Int.self, row.int)
            reads(column, as: Int64.self, row.int64)
            reads(column, as: Bool.self, row.bool)
            reads(column, as: Double.self, row.real)
            reads(column, as: [UInt8].self, row.bytes)
        }
        reads(2, as: String.self, row.text)
        reads(2, as: String.self, row.textIfPresent)
        reads(0, as: Int.self, row.intIfPresent)
        reads(4, as: SQLValue.self, row.isNull)
    }

    @Test("NULL: nil for the readers that allow it")
    func null() throws {
        #expect(try row.isNull(3) && row.intIfPresent(3) == nil && row.textIfPresent(3) == nil)
        #expect(try !row.isNull(2) && row.intIfPresent(2) == 300)
    }

    @Test("the error's text states column and types, and not the value, which its dump does not show either")
    func description() {
        let error = UnreadableRow(column: 1, value: .text("green"), as: Color.self)
        var dumped = ""
        dump(error, to: &dumped)
        #expect("\(error)" == "column 1 is text, not a Color")
        #expect(String(reflecting: error) == "column 1 is text, not a Color")
        #expect(!dumped.contains("green"))
        #expect("\(UnreadableRow(column: 3, value: .null(.text), as: Int.self))" == "column 3 is NULL, not a Int")
        #expect("\(UnreadableRow(column: 9, value: nil, as: Int.self))" == "the result has no column 9")
    }

    @Test("rows of one result: each reads its own columns only, and equals a row of the same values")
    func result() throws {
        let rows = SQLRow.rows([.integer(1), .text("a"), .integer(2), .null(nil)], columns: 2)
        #expect(rows == [SQLRow([.integer(1), .text("a")]), SQLRow([.integer(2), .null(nil)])])
        #expect(try rows.map { try $0.int(0) } == [1, 2])
        #expect(try rows.map { try $0.textIfPresent(1) } == ["a", nil])
        #expect(throws: UnreadableRow(column: 2, value: nil, as: Int.self)) { try rows[0].int(2) }
        #expect(throws: UnreadableRow(column: -1, value: nil, as: Int.self)) { try rows[1].int(-1) }
        #expect(Set(rows).contains(SQLRow([.integer(2), .null(nil)])))
        #expect(SQLRow.rows([], columns: 0).isEmpty)
    }
}
