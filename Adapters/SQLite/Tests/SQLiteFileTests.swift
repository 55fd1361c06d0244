import CSQLite
import Foundation
import MartletCore
import MartletSQL
import MartletTesting
import Synchronization
import Testing

@testable import MartletSQLite

@Suite("SQLite file", .timeLimit(.minutes(HangLimit.testMinutes)))
struct SQLiteFileTests {
    let folder: TemporaryFolder
    let time = ManualTime()

    init() throws { folder = try TemporaryFolder() }

    func open(_ limits: SQLiteLimits = SQLiteLimits()) throws -> SQLiteDatabase {
        try SQLiteDatabase(path: folder.file("test.sqlite"), time: time, limits: limits)
    }

    func insert(_ ids: Range<Int>, _ database: SQLiteDatabase) async throws {
        try await database.transaction { tx in
            try tx.run("CREATE TABLE IF NOT EXISTS t (id BIGINT PRIMARY KEY)")
            for id in ids { try tx.run("INSERT INTO t (id) VALUES (\(id))") }
        }
    }

    func ids(_ database: SQLiteDatabase) async throws -> [Int] {
        try await database.read { tx in try tx.run("SELECT id FROM t ORDER BY id").map { try $0.int(0) } }
    }

    @Test("close and open again: acknowledged commits are there, and the boot number increases")
    func reopened() async throws {
        let first = try open()
        try await insert(0..<3, first)
        #expect(try await first.bootNumber() == 1)
        await first.close()
        await first.close()
        let second = try open()
        #expect(try await ids(second) == [0, 1, 2])
        #expect(try await second.bootNumber() == 2)
        await second.close()
    }

    @Test("close moves the log into the file, and interrupts a read that has no deadline")
    func closedBesideReads() async throws {
        var limits = SQLiteLimits()
        limits.closeDuration = .zero
        let path = folder.file("test.sqlite")
        let database = try open(limits)
        try await insert(0..<3, database)
        let errors = try await withThrowingTaskGroup(of: (any Error)?.self) { group in
            for isOneStatement in [true, false] {
                group.addTask {
                    do {
                        try await database.read { (tx: borrowing SQLTransaction) -> Void in
                            if isOneStatement { _ = try tx.run(Self.endless) }
                            while true { _ = try tx.run("SELECT id FROM t") }
                        }
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            while database.pool.inUse < 2 { await Task.yield() }
            await database.close()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(errors.map { ($0 as? SQLError)?.kind } == [.interrupted, .interrupted])
        for suffix in ["-wal", "-shm"] { #expect(!FileManager.default.fileExists(atPath: path + suffix)) }
        let again = try open()
        #expect(try await ids(again) == [0, 1, 2])
        await again.close()
    }

    private static let endless: SQLQuery = """
        WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT COUNT(*) FROM c
        """

    @Test("process killed: acknowledged commits are there")
    func killed() async throws {
        let path = folder.file("test.sqlite")
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String] in
            let database = try SQLiteDatabase(path: path, time: ManualTime())
            try await database.migrate([Migration("test", 1, ["CREATE TABLE t (id BIGINT PRIMARY KEY)"])])
            for id in 0..<20 {
                try await database.transaction { tx in try tx.run("INSERT INTO t (id) VALUES (\(id))") }
            }
            // A commit that was not acknowledged may be there or not; this one is rolled back.
            try await database.transaction { tx in
                try tx.run("INSERT INTO t (id) VALUES (99)")
                kill(getpid(), SIGKILL)
            }
        }
        let database = try open()
        #expect(try await ids(database) == Array(0..<20))
        #expect(try await database.bootNumber() == 2)
        await database.close()
    }

    @Test("a second open is refused as locked until the owner closes")
    func locked() async throws {
        let owner = try open()
        let error = #expect(throws: SQLError.self) { try open() }
        #expect(error?.kind == .unavailable)
        #expect(error?.code == "locked")
        await owner.close()
        let next = try open()
        await next.close()
    }

    @Test("the lock is released with the database object")
    func released() async throws {
        try await insert(0..<1, try open())
        var next: SQLiteDatabase?
        while next == nil {
            do {
                next = try open()
            } catch let error as SQLError where error.code == "locked" {
                await Task.yield()
            }
        }
        await next?.close()
    }

    @Test("missing folder: open fails as unavailable")
    func missingFolder() {
        let error = #expect(throws: SQLError.self) {
            try SQLiteDatabase(path: folder.file("missing/test.sqlite"), time: time)
        }
        #expect(error?.kind == .unavailable)
    }

    @Test("all its files are its owner's only, also those that others could read before")
    func access() async throws {
        let names = ["test.sqlite", "test.sqlite-wal", "test.sqlite-shm", "test.sqlite.lock"]
        func modes() throws -> [Int] {
            try names.map { name in
                let attributes = try FileManager.default.attributesOfItem(atPath: folder.file(name))
                return attributes[.posixPermissions] as? Int ?? -1
            }
        }
        let first = try open()
        try await insert(0..<1, first)
        #expect(try modes() == [0o600, 0o600, 0o600, 0o600])
        // As an earlier version left them, and a process that was killed.
        for name in names { #expect(chmod(folder.file(name), 0o644) == 0) }
        let copy = try TemporaryFolder()
        for name in names { try FileManager.default.copyItem(atPath: folder.file(name), toPath: copy.file(name)) }
        let second = try SQLiteDatabase(path: copy.file("test.sqlite"), time: time)
        #expect(try await ids(second) == [0])
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: copy.file(name))
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
        await second.close()
        await first.close()
    }

    @Test("a write beyond the process's limit of a file's size: refused as on a full disk, and the next one succeeds")
    func fileSizeLimit() async throws {
        let path = folder.file("test.sqlite")
        await #expect(processExitsWith: .success) { [path = path as String] in
            let database = try SQLiteDatabase(path: path, time: ManualTime())
            try await database.transaction { tx in try tx.run("CREATE TABLE t (id BIGINT PRIMARY KEY, b BLOB)") }
            signal(SIGXFSZ, SIG_IGN)
            #if canImport(Glibc)
                let fileSize = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
            #else
                let fileSize = RLIMIT_FSIZE
            #endif
            var limit = rlimit()
            guard getrlimit(fileSize, &limit) == 0 else { exit(2) }
            limit.rlim_cur = 200_000
            guard setrlimit(fileSize, &limit) == 0 else { exit(2) }
            let big = [UInt8](repeating: 1, count: 1_000_000)
            do {
                try await database.transaction { tx in try tx.run("INSERT INTO t (id, b) VALUES (1, \(big))") }
                exit(3)
            } catch let error as SQLError {
                guard error.kind == .full else { exit(4) }
            }
            try await database.transaction { tx in try tx.run("INSERT INTO t (id) VALUES (2)") }
        }
        let database = try open()
        #expect(try await ids(database) == [2])
        await database.close()
    }

    @Test("after close, refuses transactions and reads")
    func closed() async throws {
        for database in [try open(), try SQLiteDatabase.inMemory(time: time)] {
            await database.close()
            let write = await #expect(throws: SQLError.self) { try await database.transaction { _ in () } }
            let read = await #expect(throws: SQLError.self) { try await database.read { _ in () } }
            #expect([write?.code, read?.code] == ["closed", "closed"])
        }
    }

    @Test("a read sees one snapshot while a writer commits")
    func snapshot() async throws {
        let (database, gate) = (try open(), WriterGate())
        try await insert(0..<2, database)
        async let counts = database.read { tx in
            let before = try tx.run("SELECT COUNT(*) FROM t")[0].int(0)
            gate.pass()
            return [before, try tx.run("SELECT COUNT(*) FROM t")[0].int(0)]
        }
        await gate.waitForQueue(of: 0, on: database)
        try await insert(2..<5, database)
        #expect(try await ids(database).count == 5)
        gate.open()
        #expect(try await counts == [2, 2])
        await database.close()
    }

    @Test("checkpoints the write-ahead log while it is open")
    func checkpoints() async throws {
        var limits = SQLiteLimits()
        limits.checkpointPages = 20
        let database = try open(limits)
        try await insert(0..<1, database)
        let bytes = [UInt8](repeating: 7, count: 10_000)
        try await database.transaction { tx in try tx.run("CREATE TABLE big (id BIGINT PRIMARY KEY, b BLOB)") }
        for id in 0..<50 {
            try await database.transaction { tx in try tx.run("INSERT INTO big (id, b) VALUES (\(id), \(bytes))") }
        }
        let sizes = try ["test.sqlite", "test.sqlite-wal"].map { name in
            try FileManager.default.attributesOfItem(atPath: folder.file(name))[.size] as? Int ?? 0
        }
        #expect(sizes[0] > 400_000)
        #expect(sizes[1] < 300_000)
        await database.close()
    }

    @Test("failed fsync: the commit has an unknown outcome, the process is stopped, everything else is refused")
    func failedSync() throws {
        let uri = try #require(FaultyDisk.uri(folder.file("test.sqlite")))
        let stopped = Mutex<[String]>([])
        let connection = try SQLiteConnection(
            path: uri,
            role: .writer,
            time: time,
            limits: SQLiteLimits(),
            onFsyncFailure: { error in stopped.withLock { $0.append(error.code) } }
        )
        try connection.begin(SQLBegin(SQLOptions(), isReadOnly: false))
        _ = try connection.run("CREATE TABLE t (id BIGINT PRIMARY KEY)", deadline: nil)
        try connection.control(.commit)
        try connection.begin(SQLBegin(SQLOptions(), isReadOnly: false))
        _ = try connection.run("INSERT INTO t (id) VALUES (1)", deadline: nil)
        FaultyDisk.syncFails.withLock { $0 = true }
        defer { FaultyDisk.syncFails.withLock { $0 = false } }
        let error = #expect(throws: SQLError.self) { try connection.control(.commit) }
        #expect(error?.kind == .outcomeUnknown)
        #expect(stopped.withLock { $0 } == ["1034"])
        FaultyDisk.syncFails.withLock { $0 = false }
        let later = #expect(throws: SQLError.self) { try connection.run("SELECT 1", deadline: nil) }
        #expect(later?.kind == .unavailable)
    }

    @Test("by default, the process exits with the status of an I/O error")
    func stoppedProcess() async {
        let path = folder.file("test.sqlite")
        await #expect(processExitsWith: .exitCode(SQLiteDatabase.stopStatus)) { [path = path as String] in
            let database = try SQLiteDatabase(path: path, time: ManualTime())
            try await database.transaction { tx in try tx.run("CREATE TABLE t (id BIGINT PRIMARY KEY)") }
            try FileManager.default.moveItem(atPath: path, toPath: "\(path).elsewhere")
            try await database.transaction { tx in try tx.run("INSERT INTO t (id) VALUES (1)") }
        }
    }

    @Test("moved file: the commit has an unknown outcome, the process is stopped, everything else is refused")
    func movedFile() throws {
        let path = folder.file("test.sqlite")
        let stopped = Mutex<[String]>([])
        let connection = try SQLiteConnection(
            path: path,
            role: .writer,
            time: time,
            limits: SQLiteLimits(),
            onFsyncFailure: { error in stopped.withLock { $0.append(error.code) } }
        )
        try connection.begin(SQLBegin(SQLOptions(), isReadOnly: false))
        _ = try connection.run("CREATE TABLE t (id BIGINT PRIMARY KEY)", deadline: nil)
        try connection.control(.commit)
        #expect(stopped.withLock { $0 } == [])

        try FileManager.default.moveItem(atPath: path, toPath: "\(path).elsewhere")
        try connection.begin(SQLBegin(SQLOptions(), isReadOnly: false))
        _ = try connection.run("INSERT INTO t (id) VALUES (1)", deadline: nil)
        let error = #expect(throws: SQLError.self) { try connection.control(.commit) }
        #expect(error?.kind == .outcomeUnknown)
        #expect(stopped.withLock { $0 } == ["moved"])
        let later = #expect(throws: SQLError.self) { try connection.run("SELECT 1", deadline: nil) }
        #expect(later?.kind == .unavailable)
    }
}
