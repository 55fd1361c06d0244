import MartletCore
import MartletSQL
import MartletSQLite
import MartletTelemetry
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost

@Suite("Health of a database", .timeLimit(.minutes(HangLimit.testMinutes)))
struct DatabaseHealthTests {
    let lost = SQLError(.unavailable, code: "08006", message: "")
    let health = DatabaseHealth(of: "words")

    @Test("is named after two failed reads in a row, until a read succeeds")
    func named() {
        health.ended(lost)
        #expect(health.problem == nil)
        health.ended(Fault.deadlineExceeded)
        #expect(health.problem == "the database of words does not answer")
        health.ended(nil)
        #expect(health.problem == nil)
        health.ended(lost)
        #expect(health.problem == nil)
    }

    @Test("an overload, a full disk and a row that cannot be read are no loss")
    func others() {
        let full = SQLError(.full, code: "13", message: "")
        for error: any Error in [SQLError.queueFull, full, CancellationError()] {
            for _ in 0..<3 { health.ended(error) }
            #expect(health.problem == nil)
        }
    }

    @Test("a read whose deadline passes before it begins is no loss: the database serves others")
    func waiting() async throws {
        let fixture = try await WordFixture()
        for _ in 0..<3 {
            do {
                try await fixture.database.read("late", deadline: fixture.time.now) { tx in _ = try tx.run("SELECT 1") }
                Issue.record("the read began")
            } catch {
                #expect((error as? Fault)?.code == .deadlineExceeded)
                health.ended(error)
            }
            #expect(health.problem == nil)
        }
    }

    @Test("the service's own reads decide, and its runtime reports it")
    func measured() async throws {
        let fixture = try await WordFixture()
        let database = LostDatabase(fixture.database)
        database.isLost.withLock { $0 = true }
        for _ in 0..<2 { await health.probe(database, time: fixture.time) }
        #expect(health.problem != nil)
        database.isLost.withLock { $0 = false }
        await health.probe(database, time: fixture.time)
        #expect(health.problem == nil)
        #expect(fixture.runtime.problem() == nil)
    }

    @Test("a unit without a blueprint, such as the event log, reports its database, too")
    func unit() async throws {
        let fixture = try await WordFixture()
        let database = LostDatabase(fixture.database)
        database.isLost.withLock { $0 = true }
        let unit = ServiceRuntime(
            name: "log",
            telemetry: fixture.runtime.telemetry,
            time: fixture.time,
            contracts: [],
            database: database
        )
        let loops = unit.loops
        let time = fixture.time
        await withTaskGroup(of: Void.self) { group in
            // It ends by its cancellation alone.
            for loop in loops { group.addTask { try? await loop.run() } }
            await time.waitForSleepers()
            #expect(unit.problem() == nil)
            time.advance(by: DatabaseHealth.interval)
            await time.waitForSleepers()
            #expect(unit.problem() == "the database of log does not answer")
            group.cancelAll()
        }
    }

    @Test("sums that end before they are complete are no loss, and a probe waits for none")
    func sums() async throws {
        let fixture = try await WordFixture()
        let metrics = ServiceMetrics(
            database: SlowSums(database: fixture.database),
            time: fixture.time,
            metrics: fixture.runtime.telemetry.metrics
        )
        for _ in 0..<2 {
            await #expect(throws: SQLError.self) { try await metrics.measure() }
            await health.probe(metrics.database, time: fixture.time)
        }
        #expect(health.problem == nil)
    }

    @Test("the figures of the pool are exposed")
    func pool() async throws {
        let fixture = try await WordFixture()
        let metrics = fixture.runtime.telemetry.metrics
        metrics.readCounts(of: fixture.database)
        let text = MetricsText.exposition(of: [metrics])
        #expect(text.contains(#"martlet_sql_connections{service="words"} 1"#))
        #expect(text.contains(#"martlet_sql_connections_in_use{service="words"} 0"#))
        #expect(text.contains(#"martlet_sql_waiting{service="words"} 0"#))
        #expect(text.contains(#"martlet_sql_log_bytes{service="words"} 0"#))
    }
}

/// A database whose scans take too long.
private struct SlowSums: ForwardingDatabase {
    let database: any SQLDatabase

    func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        guard kind == .lookup else { throw SQLError(.interrupted, code: "9", message: "") }
        return try await database.read(name, kind: kind, deadline: deadline, body)
    }
}

/// A database that cannot be reached while a test states it.
private final class LostDatabase: ForwardingDatabase {
    let database: any SQLDatabase
    let isLost = Mutex(false)

    init(_ database: any SQLDatabase) { self.database = database }

    func read<R: Sendable>(
        _ name: StaticString,
        kind: SQLReadKind,
        deadline: Moment?,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) async throws -> R {
        if isLost.withLock({ $0 }) { throw SQLError(.unavailable, code: "08006", message: "") }
        return try await database.read(name, kind: kind, deadline: deadline, body)
    }
}
