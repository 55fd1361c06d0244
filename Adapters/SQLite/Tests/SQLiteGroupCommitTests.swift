import Logging
import MartletCore
import MartletSQL
import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@Suite("SQLite group commit", .timeLimit(.minutes(HangLimit.testMinutes)))
struct SQLiteGroupCommitTests {
    let folder: TemporaryFolder
    let time = ManualTime()
    let log = RecordedLog()
    let gate = WriterGate()

    init() throws { folder = try TemporaryFolder() }

    func open(_ limits: SQLiteLimits = SQLiteLimits()) async throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(
            path: folder.file("test.sqlite"),
            time: time,
            limits: limits,
            log: log.logger
        )
        try await database.transaction("make") { tx in
            try tx.run("CREATE TABLE t (id BIGINT PRIMARY KEY, n BLOB)")
        }
        return database
    }

    func ids(_ database: SQLiteDatabase) async throws -> [Int] {
        try await database.read { tx in try tx.run("SELECT id FROM t ORDER BY id").map { try $0.int(0) } }
    }

    /// Runs `count` bodies in one queue, number 0 blocking at the gate; returns the errors by number.
    func together(
        _ count: Int,
        database: SQLiteDatabase,
        body: @escaping @Sendable (Int, borrowing SQLTransaction) throws -> Void
    ) async throws -> [Int: any Error] {
        let gate = gate
        return await withTaskGroup(of: (Int, (any Error)?).self) { group in
            for number in 0..<count {
                if number == 1 { await gate.waitForQueue(of: 0, on: database) }
                group.addTask {
                    do {
                        try await database.transaction("together") { tx in
                            if number == 0 { gate.pass() }
                            try body(number, tx)
                        }
                        return (number, nil)
                    } catch {
                        return (number, error)
                    }
                }
            }
            await gate.waitForQueue(of: count - 1, on: database)
            gate.open()
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    @Test("commits waiting bodies in one commit")
    func merges() async throws {
        let database = try await open()
        let errors = try await together(50, database: database) { number, tx in
            try tx.run("INSERT INTO t (id) VALUES (\(number))")
        }
        #expect(errors.isEmpty)
        #expect(try await ids(database) == Array(0..<50))
        let statistics = database.statistics
        #expect(statistics.transactions == 51)
        #expect(statistics.commits == 2)
        #expect(statistics.reruns == 0)
        #expect(statistics.transactionsByName == ["make": 1, "together": 50])
        await database.close()
    }

    @Test("a commit has at most the limit of bodies")
    func bounded() async throws {
        var limits = SQLiteLimits()
        limits.groupCommit.bodies = 10
        let database = try await open(limits)
        let errors = try await together(50, database: database) { number, tx in
            try tx.run("INSERT INTO t (id) VALUES (\(number))")
        }
        #expect(errors.isEmpty)
        #expect(database.statistics.commits == 1 + 5)
        await database.close()
    }

    @Test("one body rolls back the transaction: reruns the others individually")
    func rolledBack() async throws {
        let database = try await open()
        let committed = Mutex<[Int]>([])
        let errors = try await together(9, database: database) { number, tx in
            tx.afterCommit { committed.withLock { $0.append(number) } }
            if number == 4 {
                try tx.run("INSERT OR ROLLBACK INTO t (id) VALUES (0)")
            } else {
                try tx.run("INSERT INTO t (id) VALUES (\(number))")
            }
        }
        #expect(errors.keys.sorted() == [4])
        #expect((errors[4] as? SQLError)?.kind == .constraint)
        let others = [0, 1, 2, 3, 5, 6, 7, 8]
        #expect(try await ids(database) == others)
        #expect(committed.withLock { $0.sorted() } == others)
        #expect(database.statistics.reruns > 0)
        #expect(database.statistics.transactions == 1 + others.count)
        await database.close()
    }

    @Test("a write that runs at the writer's limit is interrupted, and the others of its batch are committed")
    func interrupted() async throws {
        let (database, time) = (try await open(), time)
        let errors = try await together(128, database: database) { number, tx in
            try tx.run("INSERT INTO t (id) VALUES (\(number))")
            guard number == 64 else { return }
            time.advance(by: SQLiteLimits().bodyDuration)
            try tx.run(
                """
                INSERT INTO t (id) WITH RECURSIVE c (n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM c WHERE n < 4000000)
                SELECT n FROM c
                """
            )
        }
        #expect(errors.keys.sorted() == [64])
        #expect((errors[64] as? SQLError)?.kind == .interrupted)
        #expect((errors[64] as? SQLError)?.fault.code == .deadlineExceeded)
        #expect(try await ids(database) == (0..<128).filter { $0 != 64 })
        await database.close()
    }

    @Test("a migration has no limit")
    func slowMigration() async throws {
        var limits = SQLiteLimits()
        limits.bodyDuration = .zero
        let database = try SQLiteDatabase.inMemory(time: time, limits: limits)
        let filled = """
            INSERT INTO m (id) WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 20000)
            SELECT n FROM c
            """
        try await database.migrate([Migration("m", 1, ["CREATE TABLE m (id BIGINT PRIMARY KEY)", filled])])
        let count = try await database.read { tx in try tx.run("SELECT COUNT(*) FROM m")[0].int(0) }
        #expect(count == 20_000)
    }

    @Test("full file: refuses a body that does not fit, commits one that fits")
    func full() async throws {
        var limits = SQLiteLimits()
        limits.pages = 30
        let database = try await open(limits)
        let error = await #expect(throws: SQLError.self) {
            try await database.transaction { tx in
                try tx.run("INSERT INTO t (id, n) VALUES (1, \([UInt8](repeating: 1, count: 1_000_000)))")
            }
        }
        #expect(error?.kind == .full)
        #expect(error?.fault.code == .unavailable)
        #expect(error?.fault.message == "the disk of the database is full")
        try await database.transaction { tx in try tx.run("INSERT INTO t (id) VALUES (2)") }
        #expect(try await ids(database) == [2])
        await database.close()
    }

    @Test("full file: refuses the whole batch and commits nothing of it")
    func fullBatch() async throws {
        var limits = SQLiteLimits()
        limits.pages = 30
        let database = try await open(limits)
        let errors = try await together(3, database: database) { number, tx in
            let bytes = [UInt8](repeating: 1, count: number == 0 ? 10 : 1_000_000)
            try tx.run("INSERT INTO t (id, n) VALUES (\(number), \(bytes))")
        }
        let kinds = errors.sorted { $0.key < $1.key }.map { ($0.value as? SQLError)?.kind }
        #expect(kinds.allSatisfy { $0 == .full })
        #expect(kinds.count >= 2)
        #expect(try await ids(database) == (0..<3).filter { errors[$0] == nil })
        #expect(database.statistics.reruns == 0)
        await database.close()
    }

    @Test("logs only slow bodies, by name")
    func slow() async throws {
        let (database, time) = (try await open(), time)
        try await database.transaction("quick") { _ in time.advance(by: .milliseconds(50)) }
        #expect(log.lines.isEmpty)
        try await database.transaction("slow") { _ in time.advance(by: .milliseconds(51)) }
        #expect(log.lines.map(\.level) == [.warning])
        #expect(log.lines.first?.metadata == ["transaction": "slow", "milliseconds": "51"])
        await database.close()
    }

    @Test("queue at its limit: refuses further bodies as unavailable")
    func queueFull() async throws {
        var limits = SQLiteLimits()
        limits.waitingBodies = 3
        let (database, gate) = (try await open(limits), gate)
        async let blocked: Void = database.transaction { _ in gate.pass() }
        await gate.waitForQueue(of: 0, on: database)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 { group.addTask { _ = try? await database.transaction { _ in () } } }
            await gate.waitForQueue(of: 3, on: database)
            let error = await #expect(throws: SQLError.self) { try await database.transaction { _ in () } }
            #expect(error?.kind == .unavailable)
            #expect(error?.code == SQLError.queueFull.code)
            #expect(error?.fault.outcome == .notDone)
            #expect(database.pool == SQLPool(connections: 3, inUse: 1, waiting: 3, scansLimit: 1))
            gate.open()
        }
        try await blocked
        await database.close()
        #expect(database.pool == SQLPool(connections: 3, inUse: 0, waiting: 0, scansLimit: 1))
    }
}
