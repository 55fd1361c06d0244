import MartletSQL

extension SQLConformance {
    private static let first = Migration("module", 1, ["CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)"])
    private static let second = Migration("module", 2, ["INSERT INTO t (id, n) VALUES (1, 0)"])
    private static let third = Migration("module", 3, ["UPDATE t SET n = n + 1"])
    private static let other = Migration("other", 1, ["CREATE TABLE o (id BIGINT PRIMARY KEY)"])

    static let migrations = [
        Check("migrations run once, in the order of their numbers") { database, _ in
            try await database.migrate([second, other, first])
            try await database.migrate([first, second, other])
            try require(try await database.ids() == [1], "the second step ran once")
            for _ in 0..<2 { try await database.migrate([third, first, other, second]) }
            let n = try await database.read { tx in try tx.run("SELECT n FROM t").one().int(0) }
            try require(n == 1, "the third step ran \(n) times")
        },
        Check("a failed migration changes nothing") { database, _ in
            let broken = Migration(
                "module",
                2,
                ["INSERT INTO t (id, n) VALUES (1, 0)", "INSERT INTO nowhere VALUES (1)"]
            )
            let error = try await failure("a broken migration") { try await database.migrate([first, broken]) }
            try require((error as? SQLError)?.kind == .misuse, "\(error)")
            try await database.migrate([first, second])
            try require(try await database.ids() == [1], "the fixed step ran on an unchanged database")
        },
        Check("a database of a newer program is rejected") { database, _ in
            try await database.migrate([first, second, other])
            let error = try await failure("an older program") { try await database.migrate([first, other]) }
            try require(error as? SchemaTooNew == SchemaTooNew(module: "module", number: 2), "\(error)")
            try await database.migrate([other])
        },
    ]
}
