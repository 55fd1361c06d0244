import MartletCore
import MartletPostgreSQL
import MartletPostgreSQLTesting
import MartletSQL
import MartletTesting
import Testing

/// A server of each test's own, or the shared one behind a proxy: faults reach no other test.
@Suite("PostgreSQL faults", .enabled(if: PostgresServer.isAvailable), .timeLimit(.minutes(HangLimit.testMinutes)))
struct PostgresFaultSocketTests {
    private let time = SystemTime()

    private func limits() -> PostgresLimits {
        var limits = PostgresLimits()
        (limits.connections, limits.scans) = (3, 1)
        limits.endDuration = .milliseconds(100)
        limits.connectDuration = .seconds(2)
        limits.unreachablePause = .milliseconds(20)
        limits.repeats.attempts = 1
        return limits
    }

    /// A database with a table `t (id, n)`, behind a proxy.
    private func proxied(_ limits: PostgresLimits) async throws -> (PostgresDatabase, FaultProxy) {
        let server = try await PostgresServer.shared()
        let proxy = try FaultProxy(to: server.port)
        var settings = try await server.makeDatabase()
        try await server.run(["CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)"], in: settings.database)
        settings.hosts = [.init("127.0.0.1", port: proxy.port)]
        let database = PostgresDatabase(
            settings,
            runtime: Runtime(time: time, entropy: SystemEntropy()),
            limits: limits
        )
        return (database, proxy)
    }

    private func insert(_ id: Int, in database: PostgresDatabase, deadline: Moment? = nil) async throws {
        try await database.transaction("insert", deadline: deadline) { tx in
            _ = try tx.run("INSERT INTO t (id, n) VALUES (\(id), 0)")
        }
    }

    private func ids(in database: PostgresDatabase) async throws -> [Int] {
        try await database.read { tx in try tx.run("SELECT id FROM t ORDER BY id").map { try $0.int(0) } }
    }

    /// The kind of the error that `body` throws; `nil` when it throws none.
    private func kind(_ body: () async throws -> Void) async throws -> SQLError.Kind? {
        do {
            try await body()
            return nil
        } catch let error as SQLError {
            return error.kind
        }
    }

    /// Runs `body` until the server can be reached again.
    private func eventually<R: Sendable>(_ body: () async throws -> R) async throws -> R {
        while true {
            do {
                return try await body()
            } catch let error as SQLError where error.kind == .unavailable {
                try await time.sleep(for: .milliseconds(10))
            }
        }
    }

    @Test("a session that ends at the first run of a statement leaves none prepared for the next connection")
    func endedAtFirstRun() async throws {
        let (database, _) = try await proxied(limits())
        // More often than there are connections: one of them runs the statement again.
        for _ in 0..<4 {
            let kind = try await kind {
                try await database.transaction("end") { tx in
                    _ = try tx.run("SELECT 1")
                    _ = try tx.run("SELECT pg_terminate_backend(pg_backend_pid())")
                }
            }
            #expect(kind == .unavailable)
        }
        await database.close()
    }

    @Test("a connection that is cut after its COMMIT was sent: the outcome is unknown, and it was committed")
    func cutAfterCommit() async throws {
        let (database, proxy) = try await proxied(limits())
        proxy.inject(.cutAfter("COMMIT"))
        #expect(try await kind { try await insert(1, in: database) } == .outcomeUnknown)
        #expect(proxy.fault == .none)
        #expect(try await eventually { try await ids(in: database) } == [1])
        await database.close()
    }

    @Test("a connection that is cut before its COMMIT arrives: the outcome is unknown, and nothing was committed")
    func cutBeforeCommit() async throws {
        let (database, proxy) = try await proxied(limits())
        proxy.inject(.cutBefore("COMMIT"))
        #expect(try await kind { try await insert(1, in: database) } == .outcomeUnknown)
        #expect(try await eventually { try await ids(in: database) } == [])
        await database.close()
    }

    @Test("a connection that is cut in a statement after the first one: nothing was committed, and the next one is new")
    func cutInStatement() async throws {
        let (database, proxy) = try await proxied(limits())
        let failed = try await kind {
            try await database.transaction { tx in
                try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                proxy.inject(.cutAfter("second"))
                try tx.run("INSERT INTO t (id, n) VALUES (2, 0) /* second */")
            }
        }
        #expect(failed == .unavailable)
        #expect(try await eventually { try await ids(in: database) } == [])
        await database.close()
    }

    @Test("connections that were lost while nothing used them cost no error")
    func lostWhileIdle() async throws {
        let (database, proxy) = try await proxied(limits())
        try await insert(1, in: database)
        proxy.inject(.refuse)
        while proxy.connections > 0 { try await time.sleep(for: .milliseconds(1)) }
        proxy.inject(.none)
        try await insert(2, in: database)
        #expect(try await ids(in: database) == [1, 2])
        await database.close()
    }

    @Test("a peer from which nothing arrives costs a caller its deadline, and a later one nothing")
    func blackhole() async throws {
        let (database, proxy) = try await proxied(limits())
        proxy.inject(.blackhole)
        for _ in 0..<4 {
            let fault = await #expect(throws: Fault.self) {
                try await insert(1, in: database, deadline: time.now + .milliseconds(200))
            }
            #expect(fault?.code == .deadlineExceeded)
        }
        proxy.inject(.none)
        try await eventually { try await insert(2, in: database) }
        #expect(try await ids(in: database) == [2])
        #expect(database.pool.inUse == 0)
        await database.close()
    }

    @Test("a peer from which nothing arrives costs a caller without a deadline the limit of a statement")
    func blackholeWithoutDeadline() async throws {
        var limits = limits()
        limits.statementDuration = .seconds(2)
        let (database, proxy) = try await proxied(limits)
        let failed = try await kind {
            try await database.transaction { tx in
                try tx.run("SELECT 1")
                proxy.inject(.blackhole)
                try tx.run("SELECT 2")
            }
        }
        #expect(failed == .interrupted)
        proxy.inject(.none)
        await database.close()
    }

    @Test("a COMMIT to which nothing responds is unknown after its limit, whatever the deadline of its caller")
    func blackholedCommit() async throws {
        var limits = limits()
        limits.commitDuration = .milliseconds(300)
        let (database, proxy) = try await proxied(limits)
        let failed = try await kind {
            try await database.transaction("insert", deadline: time.now + .seconds(60)) { tx in
                try tx.run("INSERT INTO t (id, n) VALUES (1, 0)")
                proxy.inject(.blackhole)
            }
        }
        #expect(failed == .outcomeUnknown)
        proxy.inject(.none)
        await database.close()
    }

    @Test("a wait for a row that another transaction holds ends at the deadline; the connection is used again")
    func rowLock() async throws {
        let (database, proxy) = try await proxied(limits())
        defer { proxy.inject(.none) }
        try await insert(1, in: database)
        let (holds, waited) = (Signal(), Signal())
        async let holder: Void = database.transaction { tx in
            try tx.run("UPDATE t SET n = 1 WHERE id = 1")
            holds.raise()
            // As long as the other one waits, by the server's clock.
            while try tx.run(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
            )
            .isEmpty {}
            while try !tx.run(
                "SELECT 1 FROM pg_locks WHERE NOT granted AND transactionid = pg_current_xact_id()::xid"
            )
            .isEmpty {}
            waited.raise()
        }
        try await holds.wait()
        let fault = await #expect(throws: Fault.self) {
            try await database.transaction("waits", deadline: time.now + .milliseconds(300)) { tx in
                _ = try tx.run("UPDATE t SET n = 2 WHERE id = 1")
            }
        }
        #expect(fault?.code == .deadlineExceeded)
        try await waited.wait()
        try await holder
        #expect(try await database.read { tx in try tx.run("SELECT n FROM t").map { try $0.int(0) } } == [1])
        await database.close()
    }

    @Test("a server that is killed and started again keeps what was acknowledged; in between, bodies fail at once")
    func killed() async throws {
        let server = try await PostgresServer(.full)
        try await server.start()
        let settings = try await server.makeDatabase()
        let database = PostgresDatabase(
            settings,
            runtime: Runtime(time: time, entropy: SystemEntropy()),
            limits: limits()
        )
        try await database.transaction { tx in
            _ = try tx.run("CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)")
        }
        for id in 1...3 {
            try await insert(id, in: database)
            try await server.kill()
            #expect(try await kind { try await insert(100 + id, in: database) } == .unavailable)
            try await server.start()
            #expect(try await eventually { try await ids(in: database) } == Array(1...id))
        }
        await database.close()
        try await server.stop()
    }

    @Test("a server that is frozen costs a caller its deadline")
    func frozen() async throws {
        let server = try await PostgresServer(.processOnly)
        try await server.start()
        let settings = try await server.makeDatabase()
        let database = PostgresDatabase(
            settings,
            runtime: Runtime(time: time, entropy: SystemEntropy()),
            limits: limits()
        )
        try await database.transaction { tx in
            _ = try tx.run("CREATE TABLE t (id BIGINT PRIMARY KEY, n BIGINT NOT NULL)")
        }
        server.pause()
        for _ in 0..<3 {
            let fault = await #expect(throws: Fault.self) {
                try await insert(1, in: database, deadline: time.now + .milliseconds(200))
            }
            #expect(fault?.code == .deadlineExceeded)
        }
        server.resume()
        try await eventually { try await insert(2, in: database) }
        #expect(try await ids(in: database).contains(2))
        await database.close()
        try await server.stop()
    }
}
