import MartletCore
import MartletSQL
import Testing

@Suite("SQL value")
struct SQLValueTests {
    @Test("texts are equal when their bytes are, as in SQL")
    func texts() {
        #expect(SQLValue.text("K") != .text("\u{212A}"))
        #expect(Set([SQLValue.text("\u{C9}"), .text("E\u{301}"), .text("\u{C9}")]).count == 2)
        #expect(ExactText("\u{212A}").sqlValue == .text("\u{212A}"))
    }

    @Test("an absent parameter has its type, and NULLs are equal whatever their types")
    func typedNull() {
        let (integer, text, bytes, real): (Int64?, ExactText?, [UInt8]?, Double?) = (nil, nil, nil, nil)
        let query: SQLQuery = "SELECT \(integer), \(text), \(bytes), \(real), \(integer.map { $0 > 0 })"
        #expect(query.values.map(\.type) == [.integer, .text, .bytes, .real, .integer])
        #expect(SQLValue.null(.text) == .null(nil) && Set([SQLValue.null(.text), .null(.integer)]).count == 1)
    }

    @Test("values of different types are different")
    func types() {
        let values: [SQLValue] = [.null(nil), .integer(0), .real(0), .text(""), .bytes([]), .integer(1), .bytes([0])]
        #expect(Set(values).count == values.count)
        for value in values { #expect(value == value) }
    }
}
