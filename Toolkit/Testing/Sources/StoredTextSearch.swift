package import MartletSQL

/// Looks for a text in everything that a database on SQLite stores, for tests of what must not be stored.
package enum StoredTextSearch {
    /// The tables that have `text` in any column of any row, also inside of longer texts and of bytes; sorted by name.
    ///
    /// It reads every row.
    package static func tables(containing text: String, in tx: borrowing SQLTransaction) throws -> [String] {
        let tables = try tx.run("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            .map { try $0.text(0) }
        var found: [String] = []
        for table in tables {
            let conditions = try tx.run("SELECT name FROM pragma_table_info(\(table))").map { column in
                let name = try column.text(0)
                return #"instr(CAST("\#(name)" AS BLOB), CAST($1 AS BLOB)) > 0"#
            }
            let query = SQLQuery(
                unchecked: #"SELECT 1 FROM "\#(table)" WHERE \#(conditions.joined(separator: " OR ")) LIMIT 1"#,
                values: [text.sqlValue]
            )
            if try !tx.run(query).isEmpty { found.append(table) }
        }
        return found
    }
}
