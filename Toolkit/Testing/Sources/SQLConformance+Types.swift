import MartletSQL

extension SQLConformance {
    private static let largest = Int64.max

    static let types = [
        Check("a sum of integers is an integer of 64 bits; of no rows it is NULL") { database, _ in
            try await database.makeTable()
            let (sums, none) = try await database.transaction { tx in
                let none = try tx.run("SELECT SUM(n), COALESCE(SUM(n), 0) FROM t").one()
                try tx.run("INSERT INTO t (id, n) VALUES (1, \(largest - 1)), (2, 1)")
                let sums = try tx.run(
                    "SELECT SUM(n), COALESCE(SUM(n), 0), SUM(CASE WHEN id = 1 THEN n ELSE 0 END), COUNT(*) FROM t"
                )
                return (try sums.one(), none)
            }
            let expected: [SQLValue] = [.integer(largest), .integer(largest), .integer(largest - 1), .integer(2)]
            try require(sums == SQLRow(expected), "\(sums)")
            try require(none == SQLRow([.null(nil), .integer(0)]), "\(none)")
        },
        Check("a number beyond 64 bits is an error, and no other number") { database, _ in
            try await database.makeTable()
            try await database.transaction { tx in
                _ = try tx.run("INSERT INTO t (id, n) VALUES (1, \(largest)), (2, \(largest))")
            }
            for query: SQLQuery in ["SELECT SUM(n) FROM t", "SELECT n + 1 FROM t WHERE id = 1"] {
                let error = try await failure(query.text) {
                    try await database.transaction { tx in try tx.run(query).one().int64(0) }
                }
                try require(error is SQLError || error is UnreadableRow, "\(query.text): \(error)")
            }
        },
        Check("a column of another type than it is read as fails its transaction alone") { database, _ in
            try await database.makeTable()
            let error = try await failure("a text read as an integer") {
                try await database.transaction { tx in
                    try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                    return try tx.run("SELECT CAST(\("word") AS TEXT)").one().int(0)
                }
            }
            try require(error is UnreadableRow, "\(error)")
            try require(try await database.ids().isEmpty, "the transaction was committed")
        },
        Check("an absent parameter may stand where no column gives it a type") { database, _ in
            try await database.makeTable()
            try await database.transaction { tx in _ = try tx.run("INSERT INTO t (id, n) VALUES (1, 0)") }
            let (integer, real, text, bytes): (Int64?, Double?, String?, [UInt8]?) = (nil, nil, nil, nil)
            let flag: Bool? = nil
            let queries: [SQLQuery] = [
                "SELECT id FROM t WHERE (\(integer) IS NULL OR id = \(integer))",
                "SELECT id FROM t WHERE \(real) IS NULL",
                "SELECT id FROM t WHERE \(text) IS NULL AND \(bytes) IS NULL", "SELECT id FROM t WHERE \(flag) IS NULL",
                "SELECT COALESCE(\(integer), id) FROM t",
            ]
            for query in queries {
                let found = try await database.read { tx in try tx.run(query).map { try $0.int(0) } }
                try require(found == [1], "\(query.text): \(found)")
            }
        },
        Check("the text of an error has no value of the statement or of a row") { database, _ in
            let secret = "ada@example.com"
            try await database.transaction { tx in
                try tx.run("CREATE TABLE s (t TEXT PRIMARY KEY, o TEXT REFERENCES s (t), n BIGINT CHECK (n > 0))")
                try tx.run("INSERT INTO s (t, n) VALUES (\(secret), 1)")
            }
            let failing: [SQLQuery] = [
                "INSERT INTO s (t, n) VALUES (\(secret), 1)",
                "INSERT INTO s (t, n) VALUES (\("not \(secret)"), -74656)",
                "INSERT INTO s (t, o, n) VALUES ('b', \("no \(secret)"), 1)",
                "INSERT INTO s (t, n) VALUES (\("\(secret)\u{0}"), 1)",
                "INSERT INTO nowhere (t) VALUES (\(secret))",
            ]
            for query in failing {
                let error = try await failure(query.text) {
                    try await database.transaction { tx in _ = try tx.run(query) }
                }
                var texts = ["\(error)", String(reflecting: error), (error as? SQLError)?.message ?? ""]
                dump(error, to: &texts[0])
                for text in texts {
                    try require(!text.contains("ada@example") && !text.contains("74656"), "\(query.text): \(text)")
                }
            }
        },
    ]
}
