import CSQLite
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@Suite("SQLite statements")
struct SQLiteStatementTests {
    let time = ManualTime()
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test("SQLite does not count its memory, for which it would take a lock of the process each time")
    func memory() throws {
        _ = try SQLiteDatabase.inMemory(time: time)
        #expect(sqlite3_memory_used() == 0)
    }

    @Test("more statements than the cache holds: results stay correct")
    func cache() async throws {
        var limits = SQLiteLimits()
        limits.statements = 3
        let database = try SQLiteDatabase.inMemory(time: time, limits: limits)
        let sums = try await database.transaction { tx in
            try (0..<40).map { step in
                let query = SQLQuery(unchecked: "SELECT \(step % 8) + $1", values: [.integer(Int64(step))])
                return try tx.run(query)[0].int(0)
            }
        }
        #expect(sums == (0..<40).map { $0 % 8 + $0 })
    }

    @Test("more lists than the cache holds, and the same ones again: results stay correct")
    func evicted() async throws {
        var limits = SQLiteLimits()
        limits.statements = 3
        let database = try SQLiteDatabase.inMemory(time: time, limits: limits)
        let sums = try await database.transaction { tx in
            try (0..<60).map { step in
                let ids = Array(0...step % 7)
                let rows = try tx.run(
                    "SELECT \(step) WHERE \(step % 7) IN (\(list: ids)) AND \(step) NOT IN (\(list: [Int]()))"
                )
                return rows.count + (try tx.run("SELECT \(step) + 1")[0].int(0))
            }
        }
        #expect(sums == (0..<60).map { $0 + 1 })
    }

    @Test("values around the size of the connection's buffer, empty ones among them, are stored as they are")
    func largeValues() async throws {
        let database = try SQLiteDatabase.inMemory(time: time)
        let lengths = [0, 1, 15, 16, 16_383, 16_384, 16_385, 100_000]
        try await database.transaction { tx in
            try tx.run("CREATE TABLE t (id BIGINT PRIMARY KEY, a TEXT, b BLOB, c TEXT)")
            // Twice: a statement that is used again must not keep what it was bound to.
            for (id, length) in (lengths + lengths.reversed()).enumerated() {
                let text = String(repeating: "ä", count: length / 2) + String(repeating: "a", count: length % 2)
                let bytes = [UInt8](repeating: UInt8(id), count: length)
                try tx.run("INSERT INTO t VALUES (\(id), \(text), \(bytes), \("end \(id)"))")
            }
        }
        let rows = try await database.read { tx in try tx.run("SELECT a, b, c, length(b) FROM t ORDER BY id") }
        for (id, length) in (lengths + lengths.reversed()).enumerated() {
            #expect(try rows[id].text(0).utf8.count == length && rows[id].int(3) == length)
            #expect(try rows[id].text(0).utf8.allSatisfy { $0 != 0 })
            #expect(try rows[id].bytes(1) == [UInt8](repeating: UInt8(id), count: length))
            #expect(try rows[id].text(2) == "end \(id)")
        }
    }

    @Test("an empty text and empty bytes are no NULL")
    func empty() async throws {
        let database = try SQLiteDatabase.inMemory(time: time)
        let row = try await database.read { tx in
            try tx.run("SELECT typeof(\("")), typeof(\([UInt8]())), typeof(\(String?.none))")[0]
        }
        #expect(row == SQLRow([.text("text"), .text("blob"), .text("null")]))
    }

    @Test("an error in the middle of the rows: the cached statement is reset")
    func reset() async throws {
        let database = try SQLiteDatabase.inMemory(time: time)
        try await database.transaction { tx in
            try tx.run("CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT UNIQUE)")
            for id in 1...3 { try tx.run("INSERT INTO t (id, n) VALUES (\(id), \(id))") }
        }
        for _ in 0..<3 {
            let error = await #expect(throws: SQLError.self) {
                try await database.transaction { tx in try tx.run("UPDATE t SET n = \(2) WHERE id >= \(1) RETURNING id")
                }
            }
            #expect(error?.kind == .constraint)
            #expect(error?.code == "2067")
        }
        let rows = try await database.transaction { tx in
            try tx.run("UPDATE t SET n = \(7) WHERE id >= \(3) RETURNING id").map { try $0.int(0) }
        }
        #expect(rows == [3])
    }

    @Test("schema changed after prepare: the cached statement returns the new columns")
    func schema() async throws {
        let database = try SQLiteDatabase.inMemory(time: time)
        let widths = try await database.transaction { tx in
            try tx.run("CREATE TABLE t (a BIGINT)")
            try tx.run("INSERT INTO t VALUES (1)")
            let before = try tx.run("SELECT * FROM t")[0].values.count
            try tx.run("ALTER TABLE t ADD COLUMN b BIGINT")
            return [before, try tx.run("SELECT * FROM t")[0].values.count]
        }
        #expect(widths == [1, 2])
    }

    @Test(
        "attaching databases and changing settings is refused as misuse",
        arguments: [
            "ATTACH DATABASE ':memory:' AS other", "DETACH DATABASE main", "PRAGMA foreign_keys=OFF",
            "PRAGMA journal_mode=DELETE", "PRAGMA user_version=7", "VACUUM",
        ]
    )
    func forbidden(_ text: String) async throws {
        let database = try SQLiteDatabase.inMemory(time: time)
        let error = await #expect(throws: SQLError.self) {
            try await database.transaction { tx in try tx.run(SQLQuery(unchecked: text)) }
        }
        #expect(error?.kind == .misuse)
    }

    @Test("full-text search works")
    func fullText() async throws {
        let file = try SQLiteDatabase(path: folder.file("test.sqlite"), time: time)
        for database in [file, try SQLiteDatabase.inMemory(time: time)] {
            try await database.transaction { tx in
                try tx.run("CREATE VIRTUAL TABLE f USING fts5(words)")
                try tx.run("INSERT INTO f (rowid, words) VALUES (1, \("white hanging heart"))")
                try tx.run("INSERT INTO f (rowid, words) VALUES (2, \("red lantern"))")
            }
            try await database.transaction { tx in try tx.run("DELETE FROM f WHERE rowid = 2") }
            let found = try await database.read { tx in
                try tx.run("SELECT rowid FROM f WHERE f MATCH \("heart OR lantern") ORDER BY rank").map {
                    try $0.int(0)
                }
            }
            #expect(found == [1])
            await database.close()
        }
    }

    @Test("the error of a search does not quote its words")
    func searchError() async throws {
        let database = try SQLiteDatabase.inMemory(time: time)
        try await database.transaction { tx in _ = try tx.run("CREATE VIRTUAL TABLE f USING fts5(words)") }
        let error = await #expect(throws: SQLError.self) {
            try await database.read { tx in _ = try tx.run("SELECT words FROM f WHERE f MATCH \("secret:\"word")") }
        }
        #expect(error?.kind == .misuse)
        #expect(error.map { "\($0)".contains("secret") || "\($0)".contains("word") } == false)
    }

    @Test("date is the wall clock of the given time source")
    func date() async throws {
        let database = try SQLiteDatabase.inMemory(time: time)
        time.jumpDate(by: .seconds(86_400))
        let date = try await database.transaction { tx in try tx.date }
        #expect(date == time.date)
    }
}
