import Testing

@testable import Catalog

@Suite("A search query")
struct SearchQueryTests {
    @Test("is words in lower case, each the beginning of a word")
    func words() {
        let query = SearchQuery("  White HANGING-heart 85123A ")
        #expect(query.words == ["white", "hanging", "heart", "85123a"])
        #expect(query.fts5 == #""white"* "hanging"* "heart"* "85123a"*"#)
    }

    @Test(
        "lets nothing of the engine's own language pass",
        arguments: [
            #"a" OR "b"#: ["a", "or", "b"], "NEAR(a b, 2)": ["near", "a", "b", "2"], "name:a*": ["name", "a"],
            "^a + b": ["a", "b"], "a\u{0}b": ["a", "b"], "'; DROP TABLE products; --": ["drop", "table", "products"],
        ]
    )
    func hostile(text: String, words: [String]) {
        #expect(SearchQuery(text).words == words)
    }

    @Test("looks for nothing when there is no word", arguments: ["", "   ", "\"", "*", "()", "🙂", "\u{0}", "-- ' %"])
    func nothing(text: String) {
        #expect(SearchQuery(text).fts5 == nil)
    }

    @Test("has so many words at most")
    func limit() {
        let text = (1...20).map { "w\($0)" }.joined(separator: " ")
        #expect(SearchQuery(text).words == (1...SearchQuery.wordsLimit).map { "w\($0)" })
    }
}
