import MartletCore
import MartletPostgreSQL
import MartletPostgreSQLTesting
import MartletSQL
import MartletTesting
import Testing

@Suite(
    "Several processes on one database of a server",
    .enabled(if: PostgresServer.isAvailable),
    .timeLimit(.minutes(HangLimit.testMinutes))
)
struct PostgresReplicasSocketTests {
    private let time = SystemTime()
    private let channel = SQLChannel("mail")

    private func open(_ settings: PostgresSettings) -> PostgresDatabase {
        PostgresDatabase(settings, runtime: Runtime(time: time, entropy: SystemEntropy()))
    }

    @Test("a commit notifies the listeners of another process, also after its connections were lost")
    func notifications() async throws {
        let server = try await PostgresServer.shared()
        let settings = try await server.makeDatabase()
        let (here, there) = (open(settings), open(settings))
        let listener = try await there.notifications(of: [channel])
        try await here.transaction { tx in tx.notify(channel) }
        #expect(try await listener.next(until: nil, time) == [channel])
        try await server.run([
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '\(settings.database)'"
        ])
        // One may have been lost with the connection: it comes by itself.
        #expect(try await listener.next(until: nil, time) == [channel])
        try await here.transaction { tx in tx.notify(channel) }
        #expect(try await listener.next(until: nil, time) == [channel])
        listener.close()
        await here.close()
        await there.close()
    }

    @Test("replicas that start at once run each step of the schema once")
    func migrations() async throws {
        let settings = try await PostgresServer.shared().makeDatabase()
        let steps = [
            Migration("module", 1, ["CREATE TABLE n (n BIGINT)"]), Migration("module", 2, ["INSERT INTO n VALUES (1)"]),
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let database = open(settings)
                    try await database.migrate(steps)
                    await database.close()
                }
            }
            try await group.waitForAll()
        }
        let database = open(settings)
        #expect(try await database.read { tx in try tx.run("SELECT COUNT(*) FROM n").map { try $0.int(0) } } == [1])
        await database.close()
    }

    @Test("a statement that returns other columns after a step of the schema runs again with a new plan")
    func stalePlan() async throws {
        let settings = try await PostgresServer.shared().makeDatabase()
        let (here, there) = (open(settings), open(settings))
        try await here.transaction { tx in
            try tx.run("CREATE TABLE t (id BIGINT)")
            try tx.run("INSERT INTO t VALUES (1)")
            // Prepared on this connection.
            try tx.run("SELECT * FROM t")
        }
        try await there.transaction { tx in _ = try tx.run("ALTER TABLE t ADD COLUMN n BIGINT NOT NULL DEFAULT 7") }
        let row = try await here.transaction { tx in try tx.run("SELECT * FROM t") }
        #expect(row == [SQLRow([.integer(1), .integer(7)])])
        await here.close()
        await there.close()
    }

    @Test("a database that is released, and not closed, closes its connections")
    func released() async throws {
        let server = try await PostgresServer.shared()
        let settings = try await server.makeDatabase()
        try await useOnce(settings)
        let observer = open(server.settings("postgres"))
        let name = settings.database
        while true {
            let isUsed = try await observer.read("uses", deadline: nil) { tx in
                try !tx.run("SELECT 1 FROM pg_stat_activity WHERE datname = \(name)").isEmpty
            }
            guard isUsed else { break }
            try await time.sleep(for: .milliseconds(5))
        }
        await observer.close()
    }

    private func useOnce(_ settings: PostgresSettings) async throws {
        let database = open(settings)
        let listener = try await database.notifications(of: [channel])
        try await database.transaction { tx in tx.notify(channel) }
        listener.close()
    }
}
