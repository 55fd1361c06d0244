import MartletSQLite
import MartletTesting
import Testing

@Suite("SQLite behind the SQL seam")
struct SQLiteConformanceTests {
    @Test("in a file", arguments: SQLConformance.checks)
    func file(_ check: SQLConformance.Check) async throws {
        let folder = try TemporaryFolder()
        try await check.run { try SQLiteDatabase(path: folder.file("test.sqlite"), time: $0) }
    }

    @Test("in memory", arguments: SQLConformance.checks)
    func memory(_ check: SQLConformance.Check) async throws {
        try await check.run { try SQLiteDatabase.inMemory(time: $0) }
    }
}
