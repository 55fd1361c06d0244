import CSQLite
import Foundation
import MartletCore
import MartletSQL
import MartletTesting
import Testing

@testable import MartletSQLite

@Suite("SQLite write-ahead log beside a long reader", .timeLimit(.minutes(HangLimit.testMinutes)))
struct SQLiteLogLimitTests {
    let folder: TemporaryFolder
    let time = ManualTime()
    let limits: SQLiteLimits
    /// The size of the log at which readers are interrupted.
    private var limit: Int { limits.logPages * SQLiteLimits.pageBytes }

    init() throws {
        folder = try TemporaryFolder()
        var limits = SQLiteLimits()
        limits.checkpointPages = 20
        limits.logPages = 100
        self.limits = limits
    }

    private func open() async throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: folder.file("test.sqlite"), time: time, limits: limits)
        try await database.transaction { tx in
            try tx.run("CREATE TABLE big (id INTEGER PRIMARY KEY, b BLOB NOT NULL)")
            try tx.run("INSERT INTO big (b) VALUES (x'07')")
        }
        return database
    }

    private func write(_ rows: Int, to database: SQLiteDatabase) async throws {
        let bytes = [UInt8](repeating: 7, count: 10_000)
        for _ in 0..<rows {
            try await database.transaction { tx in try tx.run("INSERT INTO big (b) VALUES (\(bytes))") }
        }
    }

    private var fileBytes: Int {
        get throws {
            let file = folder.file("test.sqlite-wal")
            return try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int ?? 0
        }
    }

    /// A read that takes its snapshot, waits at `gate`, and reads again.
    private func longRead(on database: SQLiteDatabase, at gate: WriterGate) async -> Result<Int, any Error> {
        do {
            let rows = try await database.read { tx in
                let before = try tx.run("SELECT COUNT(*) FROM big")[0].int(0)
                gate.pass()
                guard try tx.run("SELECT COUNT(*) FROM big")[0].int(0) == before else { return -1 }
                return before
            }
            return .success(rows)
        } catch {
            return .failure(error)
        }
    }

    @Test("grows over its limit, is shown, ends the read, and is short again")
    func interrupted() async throws {
        let (database, gate) = (try await open(), WriterGate())
        async let outcome = longRead(on: database, at: gate)
        await gate.waitForQueue(of: 0, on: database)
        try await write(200, to: database)
        #expect(try fileBytes > limit)
        #expect(database.statistics.logBytes > limit)
        time.advance(by: limits.readDuration)
        gate.open()
        let ended = await outcome
        let error = #expect(throws: SQLError.self) { try ended.get() }
        #expect(error?.kind == .interrupted)
        try await write(1, to: database)
        try await write(1, to: database)
        #expect(try fileBytes < limit)
        #expect(database.statistics.logBytes < limit)
        #expect(try await database.read { tx in try tx.run("SELECT COUNT(*) FROM big")[0].int(0) } == 203)
        await database.close()
    }

    @Test("does not end a read that is shorter than its limit, nor any while it is short itself")
    func undisturbed() async throws {
        let database = try await open()
        for (rows, duration) in [(200, limits.readDuration - .seconds(1)), (1, .seconds(3_600))] {
            let gate = WriterGate()
            let before = try await database.read { tx in try tx.run("SELECT COUNT(*) FROM big")[0].int(0) }
            async let outcome = longRead(on: database, at: gate)
            await gate.waitForQueue(of: 0, on: database)
            try await write(rows, to: database)
            time.advance(by: duration)
            gate.open()
            let ended = await outcome
            #expect(try ended.get() == before)
            // Empties the log.
            try await write(2, to: database)
        }
        await database.close()
    }

    @Test("beside another program's reader: grows, is shown, and is short again when that has ended")
    func otherProgram() async throws {
        let database = try await open()
        var handle: OpaquePointer?
        #expect(sqlite3_open_v2(folder.file("test.sqlite"), &handle, SQLITE_OPEN_READWRITE, nil) == SQLITE_OK)
        defer { sqlite3_close_v2(handle) }
        #expect(sqlite3_exec(handle, "BEGIN; SELECT COUNT(*) FROM big", nil, nil, nil) == SQLITE_OK)
        try await write(200, to: database)
        #expect(database.statistics.logBytes > limit)
        #expect(sqlite3_exec(handle, "COMMIT", nil, nil, nil) == SQLITE_OK)
        time.advance(by: limits.emptyInterval)
        try await write(2, to: database)
        #expect(try fileBytes < limit)
        #expect(database.statistics.logBytes < limit)
        await database.close()
    }
}
