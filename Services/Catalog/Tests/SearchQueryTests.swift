import Testing

@testable import Catalog

@Suite("Search query")
struct SearchQueryTests {
    @Test("splits into lower-case words, each a prefix")
    func words() {
        let query = SearchQuery("  White HANGING-heart 85123A ")
        #expect(query.words == ["white", "hanging", "heart", "85123a"])
        #expect(query.fts5 == #""white"* "hanging"* "heart"* "85123a"*"#)
    }

    @Test(
        "removes FTS5 syntax",
        arguments: [
            #"a" OR "b"#: ["a", "or", "b"], "NEAR(a b, 2)": ["near", "a", "b", "2"], "name:a*": ["name", "a"],
            "^a + b": ["a", "b"], "a\u{0}b": ["a", "b"], "'; DROP TABLE products; --": ["drop", "table", "products"],
        ]
    )
    func hostile(text: String, words: [String]) {
        #expect(SearchQuery(text).words == words)
    }

    @Test("is empty without words", arguments: ["", "   ", "\"", "*", "()", "🙂", "\u{0}", "-- ' %"])
    func nothing(text: String) {
        #expect(SearchQuery(text).fts5 == nil)
    }

    @Test("is blank without text only, not for symbols")
    func blank() {
        #expect(["", " ", "\t\n \u{3000}"].allSatisfy { SearchQuery($0).isBlank })
        #expect(!["🧁", "!!!", "€", "\u{0}", "\u{200B}", " * ", "a"].contains { SearchQuery($0).isBlank })
    }

    @Test("has a limited number of words")
    func limit() {
        let text = (1...20).map { "w\($0)" }.joined(separator: " ")
        #expect(SearchQuery(text).words == (1...SearchQuery.wordsLimit).map { "w\($0)" })
    }
}
