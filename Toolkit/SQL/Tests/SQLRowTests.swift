import MartletSQL
import Testing

@Suite("Decoding a row")
struct SQLRowTests {
    enum Color: String {
        case red
        case darkBlue = "dark_blue"
    }

    private let row = SQLRow([.text("dark_blue"), .text("green"), .integer(300), .null])

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
        #expect(throws: UnreadableRow(column: 3, value: .null, as: Color.self)) { try row.decode(3, as: Color.self) }
    }

    @Test("integer: in range, and one past it")
    func integer() throws {
        #expect(try row.decode(2, as: Int32.self) == 300)
        #expect(throws: UnreadableRow(column: 2, value: .integer(300), as: UInt8.self)) {
            try row.decode(2, as: UInt8.self)
        }
    }

    @Test("the error's text states column, value and type")
    func description() {
        let error = UnreadableRow(column: 1, value: .text("green"), as: Color.self)
        #expect("\(error)" == #"column 1 is text("green"), not a Color"#)
    }
}
