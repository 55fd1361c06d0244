import MartletSQLite
import MartletTesting
import Synchronization
import Testing

@Suite("SQLite conformance")
struct SQLiteConformanceTests {
    @Test("database in a file", arguments: SQLConformance.checks)
    func file(_ check: SQLConformance.Check) async throws {
        let folder = try TemporaryFolder()
        let opened = Mutex<SQLiteDatabase?>(nil)
        try await check.run { time in
            let database = try SQLiteDatabase(path: folder.file("test.sqlite"), time: time)
            opened.withLock { $0 = database }
            return database
        }
        await opened.withLock { $0 }?.close()
    }

    @Test("database in memory", arguments: SQLConformance.checks)
    func memory(_ check: SQLConformance.Check) async throws {
        try await check.run { try SQLiteDatabase.inMemory(time: $0) }
    }
}
