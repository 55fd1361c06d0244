/// A search as words: each must begin a word of the product's name or code.
struct SearchQuery: Sendable, Equatable {
    /// More words than this are cut off.
    static let wordsLimit = 8

    /// Letters and digits only, lower case; so nothing of the full-text engine's own language passes.
    let words: [String]

    init(_ text: String) {
        let words = text.lowercased().split { !($0.isLetter || $0.isNumber) }
        self.words = words.prefix(Self.wordsLimit).map(String.init)
    }

    /// The query in FTS5's language: every word as a prefix.
    ///
    /// `nil` when there is nothing to look for.
    var fts5: String? { words.isEmpty ? nil : words.map { "\"\($0)\"*" }.joined(separator: " ") }
}
