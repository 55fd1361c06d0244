import Foundation
import MartletCore
package import MartletPostgreSQL
import MartletSQL
package import MartletTesting
import Synchronization

/// A PostgreSQL server of one test run, in a temporary folder and on a free port of the loopback interface.
///
/// Its programs are those of `MARTLET_POSTGRES`, a folder, or of Debian's packages. Safe to share between tests, each of which
/// makes a database of its own.
package final class PostgresServer: Sendable {
    /// What a test needs of the server's disk.
    package enum Durability: Sendable {
        /// Commits survive the end of the machine, as in production.
        case full
        /// Commits survive the end of the server alone: fast, for tests of something else.
        case processOnly
    }

    package let folder: ServerFolder
    package let port: Int
    private let process: ServerProcess
    private let time = SystemTime()
    private let databases = Mutex(0)
    private let durability: Durability

    /// The folder of the server's programs; `nil` when there is none.
    package static let programs: String? = {
        if let given = ProcessInfo.processInfo.environment["MARTLET_POSTGRES"] { return given }
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        return versions.compactMap { Int($0) }.max().map { "/usr/lib/postgresql/\($0)/bin" }
    }()

    /// Makes a cluster; ``start()`` starts it.
    ///
    /// - Parameters:
    ///   - durability: Whether it syncs.
    ///   - settings: Lines of `postgresql.conf` in addition.
    package init(_ durability: Durability, settings: [String] = []) async throws {
        guard let programs = Self.programs else { throw ServerFailure("no PostgreSQL server is installed") }
        self.durability = durability
        folder = try ServerFolder()
        port = try FreePort.any()
        process = ServerProcess("\(programs)/postgres", ["-D", folder.file("data")], in: folder, name: "postgres")
        try await ServerProcess(
            "\(programs)/initdb",
            [
                "--pgdata", folder.file("data"), "--username", "admin", "--auth", "trust", "--encoding", "UTF8",
                "--locale", "C", "--no-sync",
            ],
            in: folder,
            name: "initdb"
        ).run(time)
        try configure(settings)
    }

    private func configure(_ settings: [String]) throws {
        var lines = [
            "listen_addresses = '127.0.0.1'", "port = \(port)", "unix_socket_directories = '\(folder.path)'",
            "max_connections = 500", "log_min_messages = warning",
        ]
        if durability == .processOnly { lines += ["fsync = off", "full_page_writes = off"] }
        try folder.write((lines + settings).map { "\($0)\n" }.joined(), to: "data/postgresql.conf")
    }

    /// By TCP each role needs its password, before the first start.
    package func requirePasswords() throws {
        try folder.write(
            "local all admin trust\nhost all all 127.0.0.1/32 scram-sha-256\n",
            to: "data/pg_hba.conf"
        )
    }

    /// Starts it, and returns when it accepts connections; again after it has ended.
    package func start() async throws {
        guard let programs = Self.programs else { throw ServerFailure("no PostgreSQL server is installed") }
        let probe = ServerProcess(
            "\(programs)/pg_isready",
            ["--host", folder.path, "--port", "\(port)", "--quiet"],
            in: folder,
            name: "pg_isready"
        )
        try await process.start(until: { (try? await probe.run(time)) != nil }, time)
    }

    /// Ends it at once, as a failure of its machine does; what is not synced stays in the system's memory.
    package func kill() async throws { try await process.kill(time) }

    /// Asks it to end: open transactions are rolled back.
    package func stop() async throws { try await process.stop(by: SIGINT, time) }

    /// Kills it and removes its folder, at the end of the process.
    func remove() {
        process.signal(SIGKILL)
        // Otherwise the system cleans up temporary files.
        try? FileManager.default.removeItem(atPath: folder.path)
    }

    /// Connections stay open, and nothing answers: of the processes that serve connections, too.
    package func pause() { for process in processes { send(SIGSTOP, to: process) } }

    /// Continues after ``pause()``.
    package func resume() { for process in processes.reversed() { send(SIGCONT, to: process) } }

    /// The server's process and those that it has started.
    private var processes: [Int32] {
        guard let pid = process.pid else { return [] }
        let children = FileManager.default.contents(atPath: "/proc/\(pid)/task/\(pid)/children") ?? Data()
        return [pid] + String(decoding: children, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
    }

    /// How to connect to a database, as the owner of the cluster.
    ///
    /// - Parameters:
    ///   - database: Its name.
    ///   - throughSocket: By the Unix socket, or by TCP.
    package func settings(_ database: String, throughSocket: Bool = true) -> PostgresSettings {
        var settings = PostgresSettings(
            hosts: [.init(throughSocket ? folder.path : "127.0.0.1", port: port)],
            database: database,
            user: "admin",
            encryption: .none
        )
        settings.permitsLoss = durability == .processOnly
        return settings
    }

    /// Runs statements, each committed by itself.
    package func run(_ statements: [String], in database: String = "postgres") async throws {
        var limits = PostgresLimits()
        (limits.connections, limits.scans) = (2, 1)
        let runtime = Runtime(time: time, entropy: SystemEntropy())
        let database = PostgresDatabase(settings(database), runtime: runtime, limits: limits)
        do {
            try await database.transaction("server", options: SQLOptions(isolation: .autocommit)) { tx in
                for statement in statements { try tx.run(SQLQuery(unchecked: statement)) }
            }
        } catch {
            await database.close()
            throw error
        }
        await database.close()
    }

    /// Makes an empty database with a name of its own.
    package func makeDatabase() async throws -> PostgresSettings {
        let number = databases.withLock { number in
            number += 1
            return number
        }
        try await run(["CREATE DATABASE test\(number)"])
        return settings("test\(number)")
    }
}

/// Outside of the type, whose `kill` has another meaning.
private func send(_ signal: Int32, to pid: Int32) { kill(pid, signal) }

extension PostgresServer {
    /// Whether tests with a server can run; true where it is required, so that they fail without it.
    package static var isAvailable: Bool {
        Validators.areRequired
            || programs.map { FileManager.default.isExecutableFile(atPath: "\($0)/postgres") } ?? false
    }
}
