import MartletCore
import MartletMessaging
import MartletSQL
import MartletSQLite
import MartletTesting
import Testing

@testable import MartletOutbox

/// Real processes, whose log ends with them, as where all services and the log share a process.
@Suite("Process that a handler ends", .timeLimit(.minutes(HangLimit.testMinutes)))
struct EndingHandlerProcessTests {
    /// Consumes two events of the key `a`, of which the first ends the process, and one of `b`, until nothing is left to
    /// handle.
    static func run(_ path: String) async throws {
        let database = try await database(path)
        let bus = InMemoryBus(time: SystemTime())
        try await bus.publish([.numbered(1, of: "a"), .numbered(2, of: "a"), .numbered(1, of: "b")])
        let subscription = Subscription.onEnvelope(.things, group: "g") {
            (_: String, event: Envelope, tx: borrowing SQLTransaction) in
            try tx.run("INSERT INTO effects (key, sequence) VALUES (\(event.key), \(event.sequence))")
            guard event.key == "a" else { return }
            let bodies: [[UInt8]] = event.sequence == 1 ? [] : [event.body]
            _ = bodies[0]
        }
        let runner = SubscriptionRunner([subscription], database: database, bus: bus, runtime: .system)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runner.run() }
            while try await state(of: database) != ["a/1 ended the process", "a/2", "b/1"] { await Task.yield() }
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
        await database.close()
    }

    static func database(_ path: String) async throws -> SQLiteDatabase {
        let database = try SQLiteDatabase(path: path, time: SystemTime())
        try await database.migrate(Outbox.migrations)
        try await database.transaction("effects") { tx in
            try tx.run("CREATE TABLE IF NOT EXISTS effects (key TEXT NOT NULL, sequence BIGINT NOT NULL)")
        }
        return database
    }

    /// The parked events, the first with its error, and then the handled ones.
    static func state(of database: SQLiteDatabase) async throws -> [String] {
        try await database.read("state") { tx in
            let parked = try ParkedMessages.list(group: "g", topic: "things", key: "a", in: tx)
            return parked.map { "a/\($0.event.sequence)" + ($0.attempts > 0 ? " \($0.error)" : "") }
                + (try tx.run("SELECT key, sequence FROM effects").map { try "\($0.text(0))/\($0.int(1))" })
        }
    }

    @Test("a trap: the first process meets it unmarked, two behind a marker, and the fourth parks the event")
    func trap() async throws {
        let folder = try TemporaryFolder()
        let path = folder.file("service.sqlite")
        for _ in 1...3 {
            await #expect(processExitsWith: .failure) { [path = path as String] in
                try await EndingHandlerProcessTests.run(path)
            }
        }
        await #expect(processExitsWith: .success) { [path = path as String] in
            try await EndingHandlerProcessTests.run(path)
        }
        let database = try await Self.database(path)
        #expect(try await Self.state(of: database) == ["a/1 ended the process", "a/2", "b/1"])
        // The fourth ended in order.
        let rows = try await database.read("rows") { tx in
            try tx.run("SELECT 1 FROM inbox_processes UNION ALL SELECT 1 FROM inbox_attempts").count
        }
        #expect(rows == 0)
        await database.close()
        withExtendedLifetime(folder) {}
    }
}
