import MartletCore
import MartletSQL

/// Which statements a body may not run: those that control transactions, the session or the wire.
enum PostgresStatementRules {
    private static let refused: Set<ExactText> = [
        "ABORT", "BEGIN", "CHECKPOINT", "CLOSE", "COMMIT", "COPY", "DEALLOCATE", "DECLARE", "DISCARD", "END", "EXECUTE",
        "FETCH", "LISTEN", "LOAD", "LOCK", "MOVE", "NOTIFY", "PREPARE", "RELEASE", "RESET", "ROLLBACK", "SAVEPOINT",
        "SET", "START", "UNLISTEN",
    ]

    /// - Throws: `SQLError` with `misuse` for a statement that only the connection itself may run.
    static func check(_ text: String) throws {
        let word = firstWord(text)
        guard !word.isEmpty else { throw misuse("the statement is empty") }
        guard !refused.contains(ExactText(word)) else { throw misuse("a body must not run \(word)") }
    }

    /// The first word in upper case, after white space and comments; the server's parser permits nothing else before it.
    static func firstWord(_ text: String) -> String {
        var rest = Substring(text).utf8[...]
        while let first = rest.first {
            if first == 0x20 || 0x09...0x0D ~= first || first == 0x3B {
                rest = rest.dropFirst()
            } else if rest.starts(with: "--".utf8) {
                rest = rest.drop { $0 != 0x0A && $0 != 0x0D }
            } else if rest.starts(with: "/*".utf8) {
                rest = afterComment(rest)
            } else {
                break
            }
        }
        let letters = rest.prefix { 0x41...0x5A ~= $0 || 0x61...0x7A ~= $0 || $0 == 0x5F }
        return String(decoding: letters.isEmpty ? rest.prefix(1) : letters, as: UTF8.self).uppercased()
    }

    /// What follows a comment, which may contain others.
    private static func afterComment(_ text: Substring.UTF8View.SubSequence) -> Substring.UTF8View.SubSequence {
        var (rest, depth) = (text, 0)
        while !rest.isEmpty {
            if rest.starts(with: "/*".utf8) {
                depth += 1
                rest = rest.dropFirst(2)
            } else if rest.starts(with: "*/".utf8) {
                depth -= 1
                rest = rest.dropFirst(2)
                if depth == 0 { return rest }
            } else {
                rest = rest.dropFirst()
            }
        }
        return rest
    }

    private static func misuse(_ message: String) -> SQLError { SQLError(.misuse, code: "42601", message: message) }
}
