import MartletCore
import Testing

@Suite("Exact text")
struct ExactTextTests {
    /// Texts that `String` takes for equal.
    static let lookAlikes = [
        ("Kim", "\u{212A}im"), ("CAF\u{C9}", "CAFE\u{301}"), ("\u{3A9}", "\u{2126}"), (";", "\u{37E}"),
    ]

    @Test("texts that differ in bytes are different, whatever Unicode equates", arguments: lookAlikes)
    func different(one: String, other: String) {
        #expect(one == other)
        #expect(ExactText(one) != ExactText(other))
        #expect(Set([one, other].map { ExactText($0) }).count == 2)
        let units = [ExactText(one): 1, ExactText(other): 2]
        #expect(units[ExactText(one)] == 1)
        #expect(units[ExactText(other)] == 2)
    }

    @Test("equal bytes are equal, also in parts of other texts")
    func equal() {
        let part = "xx\u{212A}im".dropFirst(2)
        #expect(ExactText(String(part)) == "\u{212A}im")
        #expect([ExactText("a"): 1]["a"] == 1)
        #expect(ExactText("").isEmpty && !ExactText("a").isEmpty)
    }

    @Test("the order is that of the bytes, which is SQL's")
    func order() {
        let texts: [ExactText] = ["\u{1F9C1}", "\u{212A}", "b", "\u{E9}", "a", "e\u{301}", "B", ""]
        #expect(texts.sorted() == ["", "B", "a", "b", "e\u{301}", "\u{E9}", "\u{212A}", "\u{1F9C1}"])
    }

    @Test("equality and order are those of the bytes, for texts of every length and with NUL")
    func bytes() {
        let stems = ["", "\0", "a", "a\0b", "\u{E9}", "\u{10FFFF}", String(repeating: "x", count: 40)]
        let texts = stems.flatMap { stem in ["", "\0", "a", "b", "\u{80}", "\u{212A}"].map { stem + $0 } }
        for one in texts {
            for other in texts {
                let (left, right) = (ExactText(one), ExactText(String(decoding: Array(other.utf8), as: UTF8.self)))
                #expect((left == right) == (Array(one.utf8) == Array(other.utf8)))
                #expect((left < right) == one.utf8.lexicographicallyPrecedes(other.utf8))
            }
        }
    }

    @Test("a principal's id, subject and scopes are compared by their bytes")
    func principals() {
        let kim = Principal(user: "Kim", scopes: ["K:read"])
        let kelvin = Principal(user: "\u{212A}im", scopes: ["\u{212A}:read"])
        #expect(kim != kelvin)
        #expect(kim.subject != kelvin.subject)
        #expect(kim.holds("K:read") && !kelvin.holds("K:read"))
    }
}
