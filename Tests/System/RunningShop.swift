import BuiltPrograms
import Foundation
import MartletCore
import MartletSQL
import MartletSQLite

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A shop of real processes with its own folder and port.
final class RunningShop: Sendable {
    struct Failure: Error { let what: String }

    private struct Up: Decodable {
        let url: String
        let supervisor: Int32
    }

    private struct Table: Decodable {
        struct Row: Decodable {
            struct Mark: Decodable { let pid: Int32 }
            let name: String
            let state: String
            let mark: Mark?
            let restarts: Int
            let http: Int
            let grpc: Int
            let health: Int
        }
        let rows: [Row]
    }

    let folder: String
    let url: String
    /// The process of `martlet up`.
    let supervisorID: Int32
    private let supervisor: Process

    /// Returns once everything is ready.
    ///
    /// - Parameters:
    ///   - options: Additional options of `martlet up`.
    ///   - folder: Its data folder; a new one by default.
    convenience init(_ options: String..., on folder: String? = nil) throws { try self.init(options, on: folder) }

    /// - Parameters:
    ///   - options: Additional options of `martlet up`.
    ///   - folder: Its data folder; a new one by default.
    init(_ options: [String], on folder: String?) throws {
        let name = "martlet-\(getpid())-\(ProcessInfo.processInfo.globallyUniqueString)"
        self.folder = folder ?? NSTemporaryDirectory() + name
        supervisor = Programs.martlet.process(
            ["up", "--data", self.folder, "--port", String(try Self.freePort()), "--json"] + options
        )
        let output = Pipe()
        supervisor.standardOutput = output
        try supervisor.run()
        var text = Data()
        var up: Up?
        while up == nil {
            let chunk = output.fileHandleForReading.availableData
            guard !chunk.isEmpty else { throw Failure(what: "the shop exited before it was ready") }
            text += chunk
            up = try? JSONDecoder().decode(Up.self, from: text)  // Not complete yet.
        }
        url = up?.url ?? ""
        supervisorID = up?.supervisor ?? 0
    }

    /// Kills a daemon by SIGKILL.
    ///
    /// - Returns: False when it has no process at the moment.
    func kill(_ program: String) throws -> Bool {
        guard let pid = try row(program).mark?.pid else { return false }
        return sendSignal(SIGKILL, to: pid) == 0
    }

    /// The process of a running daemon.
    func process(of program: String) throws -> Int32 {
        guard let pid = try row(program).mark?.pid else { throw Failure(what: "\(program) does not run") }
        return pid
    }

    /// The URL of a daemon's HTTP listener.
    func address(of program: String) throws -> String { "http://127.0.0.1:\(try row(program).http)" }

    /// The URL of a daemon's listener for health and metrics.
    func healthAddress(of program: String) throws -> String { "http://127.0.0.1:\(try row(program).health)" }

    /// The port of a daemon's gRPC listener.
    func grpcPort(of program: String) throws -> Int { try row(program).grpc }

    func restarts() throws -> Int { try table().rows.reduce(0) { $0 + $1.restarts } }

    func restarts(of program: String) throws -> Int { try row(program).restarts }

    func isReady(_ program: String) throws -> Bool { try row(program).state == "ready" }

    var programs: [String] { get throws { try table().rows.map(\.name).sorted() } }

    /// Kills a daemon, changes its database, and has it restarted.
    func kill(
        _ program: String,
        andChange database: String,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Void
    ) async throws {
        let pid = try process(of: program)
        // A suspended supervisor does not restart it.
        sendSignal(SIGSTOP, to: supervisorID)
        defer { sendSignal(SIGCONT, to: supervisorID) }
        sendSignal(SIGKILL, to: pid)
        let file = try await Self.unlocked("\(folder)/\(database).sqlite")
        try await file.transaction("change") { tx in try body(tx) }
        await file.close()
    }

    /// Shuts down gracefully and deletes the data.
    func end() throws -> Int32 {
        let status = stop()
        try FileManager.default.removeItem(atPath: folder)
        return status
    }

    /// Shuts down gracefully and keeps the data.
    func stop() -> Int32 {
        supervisor.interrupt()
        supervisor.waitUntilExit()
        return supervisor.terminationStatus
    }

    /// Opens the database once its killed owner has released the lock.
    private static func unlocked(_ path: String) async throws -> SQLiteDatabase {
        try await Poll.until("the lock of \(path)") {
            do {
                return try SQLiteDatabase(path: path, time: SystemTime())
            } catch let error as SQLError where error.code == "locked" {
                return nil
            }
        }
    }

    private func row(_ program: String) throws -> Table.Row {
        guard let row = try table().rows.first(where: { $0.name == program }) else {
            throw Failure(what: "no program \(program)")
        }
        return row
    }

    private func table() throws -> Table {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/processes.json"))
        return try JSONDecoder().decode(Table.self, from: data)
    }

    static func freePort() throws -> UInt16 {
        #if canImport(Glibc)
            let stream = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        #else
            let stream = SOCK_STREAM
        #endif
        let descriptor = socket(AF_INET, stream, 0)
        defer { close(descriptor) }
        // The port is free also while a child process that is started at this moment holds a copy of the socket.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && getsockname(descriptor, pointer, &length) == 0
            }
        }
        guard bound else { throw Failure(what: "no free port") }
        return UInt16(bigEndian: address.sin_port)
    }
}

/// Outside the type, whose functions hide the system's of the same name.
@discardableResult
private func sendSignal(_ signal: Int32, to pid: Int32) -> Int32 { kill(pid, signal) }
