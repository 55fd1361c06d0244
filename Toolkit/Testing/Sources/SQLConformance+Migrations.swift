import MartletCore
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
        Check("a database with further steps of a newer program is accepted, and with one that breaks it rejected") {
            database,
            _ in
            try await database.migrate([first, second, other])
            try await database.migrate([first, other])
            try await database.migrate([other])
            let breaking = Migration("module", 3, ["ALTER TABLE t RENAME COLUMN n TO m"], breaks: true)
            try await database.migrate([first, second, breaking, other])
            for known in [[first, other], [first, second, other], [other]] {
                let error = try await failure("an older program") { try await database.migrate(known) }
                try require(error as? SchemaTooNew == SchemaTooNew(module: "module", number: 3), "\(error)")
            }
            try await database.migrate([first, second, breaking, other])
        },
        Check("a program of some modules is rejected by a breaking step of these, and not by one of others") {
            database,
            _ in
            let breaking = Migration("module", 3, ["ALTER TABLE t RENAME COLUMN n TO m"], breaks: true)
            try await database.migrate([first, second, breaking])
            try await database.migrate(modules: [other])
            let error = try await failure("an older program") { try await database.migrate(modules: [first, other]) }
            try require(error as? SchemaTooNew == SchemaTooNew(module: "module", number: 3), "\(error)")
        },
        Check("an edited step is refused; the texts of steps that ran before texts were stored are adopted") {
            database,
            _ in
            try await database.migrate([first, second])
            // As an older program left it.
            try await database.transaction { tx in _ = try tx.run("DROP TABLE schema_steps") }
            try await database.migrate([first, second])
            let edited = Migration("module", 2, ["INSERT INTO t (id, n) VALUES (2, 0)"])
            let error = try await failure("an edited step") { try await database.migrate([first, edited]) }
            try require(error as? SchemaStepEdited == SchemaStepEdited(module: "module", number: 2), "\(error)")
            try require(try await database.ids() == [1], "the edited step ran")
            try await database.migrate([first, second])
        },
        Check("a step outside of a transaction runs once, and again when it ended in the middle") { database, _ in
            let statements = [
                "CREATE TABLE IF NOT EXISTS u (id BIGINT PRIMARY KEY)", "INSERT INTO u (id) SELECT COUNT(*) FROM u",
            ]
            let broken = Migration(
                "module",
                2,
                statements + ["INSERT INTO nowhere VALUES (1)"],
                outsideTransaction: true
            )
            _ = try await failure("a broken step") { try await database.migrate([first, broken, third]) }
            let fixed = Migration("module", 2, statements, outsideTransaction: true)
            for _ in 0..<2 { try await database.migrate([first, fixed, third]) }
            let count = try await database.read { tx in try tx.run("SELECT COUNT(*) FROM u").one().int(0) }
            try require(count == 2, "its statements ran \(count) times")
        },
        Check("a step that breaks older programs waits until the lease of each older instance has ended") {
            database,
            time in
            let runtime = Runtime(time: time, seed: 1)
            let breaking = Migration("module", 2, ["DROP TABLE t"], breaks: true)
            let (older, newer) = ([first, other], [first, breaking, other])
            // A server counts it by its own clock.
            var limits = SchemaInstance.Limits()
            limits.lease = .seconds(3)
            try await SchemaInstance(of: database, migrations: older, runtime: runtime, limits: limits).start()
            // A step that does not break it runs at once.
            try await database.migrate([first, other, Migration("other", 2, ["CREATE TABLE o2 (id BIGINT)"])])
            let error = try await failure("a step that breaks a living instance") { try await database.migrate(newer) }
            try require((error as? SchemaInUse)?.number == 2, "\(error)")
            try require(try await database.ids().isEmpty, "the table is there")
            time.advance(by: limits.lease)
            while true {
                do {
                    try await database.migrate(newer)
                    break
                } catch is SchemaInUse where database.namedLocks != .notNeeded {}
            }
            let late = try await failure("an older instance") {
                try await SchemaInstance(of: database, migrations: older, runtime: runtime).start()
            }
            try require(late as? SchemaTooNew == SchemaTooNew(module: "module", number: 2), "\(late)")
        },
    ]
}
