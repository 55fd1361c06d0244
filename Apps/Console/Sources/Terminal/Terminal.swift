import Foundation

/// The command line's output: results to standard output, everything else to standard error.
package struct Terminal: Sendable {
    package enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    /// True when standard output is a terminal with colours.
    package let isColoured: Bool
    /// True when standard error is a terminal, where a progress line can be overwritten.
    package let showsProgress: Bool

    package init() {
        let environment = ProcessInfo.processInfo.environment
        let wantsNone = !(environment["NO_COLOR"] ?? "").isEmpty || environment["TERM"] == "dumb"
        isColoured = isatty(STDOUT_FILENO) == 1 && !wantsNone
        showsProgress = isatty(STDERR_FILENO) == 1 && environment["TERM"] != "dumb"
    }

    /// Prints a line of the result.
    package func line(_ text: String = "") {
        print(text)
        // A script that reads a pipe receives the line immediately.
        fflush(nil)
    }

    /// Prints a message for the user; never part of the result.
    ///
    /// A message that cannot be written, as to a file on a full disk, is lost: it must not end the program.
    package func note(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data("\(text)\n".utf8)) }

    /// Replaces the previous progress line; prints nothing when standard error is not a terminal.
    package func progress(_ text: String) {
        guard showsProgress else { return }
        // As a note, it may be lost.
        try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[2K\(text)".utf8))
    }

    package func styled(_ text: String, _ style: Style) -> String {
        isColoured ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Writes `value` as JSON with sorted keys.
    package func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        line(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}
