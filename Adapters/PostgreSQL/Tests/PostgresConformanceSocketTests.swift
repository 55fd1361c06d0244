import MartletCore
import MartletPostgreSQL
import MartletPostgreSQLTesting
import MartletTesting
import Synchronization
import Testing

@Suite("PostgreSQL conformance", .enabled(if: PostgresServer.isAvailable), .timeLimit(.minutes(HangLimit.testMinutes)))
struct PostgresConformanceSocketTests {
    @Test("a database of a server", arguments: SQLConformance.checks)
    func server(_ check: SQLConformance.Check) async throws {
        let settings = try await PostgresServer.shared().makeDatabase()
        let opened = Mutex<PostgresDatabase?>(nil)
        do {
            try await check.run { time in
                let database = PostgresDatabase(settings, runtime: Runtime(time: PausingTime(time), seed: 1))
                opened.withLock { $0 = database }
                return database
            }
        } catch {
            await opened.withLock { $0 }?.close()
            throw error
        }
        await opened.withLock { $0 }?.close()
    }
}
