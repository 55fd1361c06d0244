/// Rows of a help text in two columns, which fit into 80 columns.
package enum HelpList {
    private static let columns = 79
    /// A longer left column has a line of its own.
    private static let leftMax = 36

    package static func text(_ rows: [(left: String, right: String)]) -> String {
        let width = min(rows.map(\.left.count).max() ?? 0, leftMax)
        return rows.flatMap { lines($0.left, $0.right, width: width) }.joined(separator: "\n")
    }

    private static func lines(_ left: String, _ right: String, width: Int) -> [String] {
        let margin = width + 4
        var lines: [String] = []
        var line = "  \(left)"
        if left.count > width, !right.isEmpty {
            lines.append(line)
            line = ""
        }
        var isEmpty = true
        for word in right.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > columns {
                lines.append(line)
                (line, isEmpty) = ("", true)
            }
            line += isEmpty ? String(repeating: " ", count: margin - line.count) + word : " \(word)"
            isEmpty = false
        }
        return lines + [line]
    }
}
