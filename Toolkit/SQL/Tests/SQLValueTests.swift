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

    @Test("values of different types are different")
    func types() {
        let values: [SQLValue] = [.null, .integer(0), .real(0), .text(""), .bytes([]), .integer(1), .bytes([0])]
        #expect(Set(values).count == values.count)
        for value in values { #expect(value == value) }
    }
}
