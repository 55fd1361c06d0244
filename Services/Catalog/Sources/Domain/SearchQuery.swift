/// A search query: each of its words must be a prefix of a word of the product's name or SKU.
struct SearchQuery: Sendable, Equatable {
    /// Further words are ignored.
    static let wordsLimit = 8

    /// Lower-case letters and digits only, so that no FTS5 syntax passes.
    let words: [String]
    /// True for no text, which finds everything; a text of symbols has no words either, and finds nothing.
    let isBlank: Bool

    init(_ text: String) {
        let words = text.lowercased().split { !($0.isLetter || $0.isNumber) }
        self.words = words.prefix(Self.wordsLimit).map(String.init)
        isBlank = text.allSatisfy(\.isWhitespace)
    }

    /// The query in FTS5 syntax: every word as a prefix.
    ///
    /// `nil` when there are no words.
    var fts5: String? { words.isEmpty ? nil : words.map { "\"\($0)\"*" }.joined(separator: " ") }
}
