import MartletCore
import MartletSQL

extension SQLConformance {
    static let values = [
        Check("values of every type are read back unchanged") { database, _ in
            let sent: [[SQLValue]] = [
                [.integer(.min), .real(-0.1), .text(""), .bytes([])],
                [
                    .integer(.max), .real(.greatestFiniteMagnitude), .text("naïve 𝕬 '\"$1 ?1 \\ %"),
                    .bytes([0, 255, 0]),
                ],
                [
                    .integer(0), .real(.leastNonzeroMagnitude), .text(String(repeating: "ab", count: 100_000)),
                    .null(.bytes),
                ],
                [.integer(-1), .real(3), .null(.text), .bytes([UInt8](repeating: 7, count: 1_000_000))],
                [.null(.integer), .null(.real), .null(.text), .null(nil)],
            ]
            try await database.transaction { tx in
                let bytes = tx.dialect == .sqlite ? "BLOB" : "BYTEA"
                try tx.run(
                    SQLQuery(
                        unchecked:
                            "CREATE TABLE v (id BIGINT PRIMARY KEY, i BIGINT, r DOUBLE PRECISION, t TEXT, b \(bytes))"
                    )
                )
            }
            for (id, row) in sent.enumerated() {
                try await database.transaction { tx in
                    try tx.run(
                        "INSERT INTO v (id, i, r, t, b) VALUES (\(id), \(row[0]), \(row[1]), \(row[2]), \(row[3]))"
                    )
                }
                let back = try await database.read { tx in try tx.run("SELECT i, r, t, b FROM v WHERE id = \(id)") }
                try require(back == [SQLRow(row)], "row \(id) has changed")
            }
        },
        Check("texts that differ in bytes are different keys, ordered by their bytes") { database, _ in
            // Two pairs that Unicode equates, and letters that a language orders otherwise.
            let texts = ["CAF\u{C9}", "CAFE\u{301}", "K", "\u{212A}", "a", "B", "\u{E9}", "b c", "b-c"]
            let back = try await database.transaction { tx in
                try tx.run("CREATE TABLE s (t TEXT PRIMARY KEY, n BIGINT NOT NULL)")
                for (number, text) in texts.enumerated() {
                    try tx.run("INSERT INTO s (t, n) VALUES (\(text), \(number))")
                }
                let found = try texts.map { text in
                    try tx.run("SELECT n FROM s WHERE t = \(text)").map { try $0.int(0) }
                }
                return (found, try tx.run("SELECT t FROM s ORDER BY t").map { try ExactText($0.text(0)) })
            }
            try require(back.0 == texts.indices.map { [$0] }, "\(back.0)")
            let sorted = texts.map { ExactText($0) }.sorted()
            try require(back.1 == sorted, "\(back.1)")
            // As a listing asks for its next page.
            for (index, text) in sorted.enumerated() {
                let after = try await database.read { tx in
                    try tx.run("SELECT t FROM s WHERE (t, n) > (\(text), 99) ORDER BY t").map {
                        ExactText(try $0.text(0))
                    }
                }
                try require(after == Array(sorted.dropFirst(index + 1)), "after \(text): \(after)")
            }
        },
        Check("a text with NUL is refused as `misuse`, on every engine") { database, _ in
            try await database.transaction { tx in _ = try tx.run("CREATE TABLE s (t TEXT NOT NULL)") }
            for text in ["\u{0}", "a\u{0}b"] {
                let error = try await failure("a text with NUL") {
                    try await database.transaction { tx in _ = try tx.run("INSERT INTO s (t) VALUES (\(text))") }
                }
                try require((error as? SQLError)?.kind == .misuse, "\(error)")
            }
            let count = try await database.read { tx in try tx.run("SELECT COUNT(*) FROM s").one().int(0) }
            try require(count == 0, "\(count) texts with NUL are stored")
        },
        Check("interpolated values are bound as parameters") { database, _ in
            try await database.makeTable()
            let hostile = "'); DROP TABLE t; --"
            let back = try await database.transaction { tx in
                try tx.run("CREATE TABLE s (t TEXT NOT NULL)")
                try tx.run("INSERT INTO s (t) VALUES (\(hostile))")
                return try tx.run("SELECT t FROM s").map { try $0.text(0) }
            }
            try require(back == [hostile], "the text changed")
            try require(try await database.ids().isEmpty, "the other table exists and is empty")
        },
        Check("a parameter may be used twice and out of order by its number") { database, _ in
            try await database.makeTable()
            let row = try await database.transaction { tx in
                try tx.run(
                    SQLQuery(unchecked: "INSERT INTO t (id, n) VALUES ($2, $1)", values: [.integer(20), .integer(1)])
                )
                let query = SQLQuery(
                    unchecked: "SELECT id, n FROM t WHERE n = $2 AND id = $1 AND n > $1",
                    values: [.integer(1), .integer(20)]
                )
                return try tx.run(query)
            }
            try require(row == [SQLRow([.integer(1), .integer(20)])], "the values were mixed up")
        },
        Check("a list matches its members, an empty list nothing") { database, _ in
            try await database.makeTable()
            let (some, none) = try await database.transaction { tx in
                for id in 1...4 { try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0)") }
                let some = try tx.run("SELECT id FROM t WHERE id IN (\(list: [2, 4, 9])) ORDER BY id")
                let none = try tx.run("SELECT id FROM t WHERE id IN (\(list: [Int]()))")
                return try (some.map { try $0.int(0) }, none.count)
            }
            try require(some == [2, 4], "the members")
            try require(none == 0, "an empty list matches nothing")
        },
        Check("an upsert returns its result") { database, _ in
            try await database.makeTable()
            let counts = try await database.transaction { tx in
                try (0..<3).map { _ in
                    let rows = try tx.run(
                        """
                        INSERT INTO t (id, n) VALUES (\(1), \(1))
                        ON CONFLICT (id) DO UPDATE SET n = t.n + excluded.n RETURNING n
                        """
                    )
                    return try rows.map { try $0.int(0) }
                }
            }
            try require(counts == [[1], [2], [3]], "\(counts)")
        },
    ]
}
