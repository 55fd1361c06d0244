import MartletSQL

/// How many rows one statement reads or writes, so that a prepared statement serves orders of different lengths.
///
/// 25 lines take three statements instead of 25, and all lengths together five texts.
enum StatementRows {
    /// Descending; a single row has a statement of its own, which is the fastest for it.
    static let sizes = [32, 16, 8, 4, 1]

    /// Runs `body` with consecutive parts of `rows`, each as long as one of ``sizes``.
    static func split<Row>(_ rows: [Row], _ body: (ArraySlice<Row>) throws -> Void) rethrows {
        var rest = rows[...]
        while let size = sizes.first(where: { $0 <= rest.count }) {
            try body(rest.prefix(size))
            rest = rest.dropFirst(size)
        }
    }
}

extension SQLQuery.Interpolation {
    /// `(…), (…)` for `VALUES`.
    mutating func appendInterpolation(rows: [[SQLValue]]) {
        for (index, row) in rows.enumerated() {
            appendLiteral(index == 0 ? "(" : ", (")
            appendInterpolation(list: row)
            appendLiteral(")")
        }
    }
}
