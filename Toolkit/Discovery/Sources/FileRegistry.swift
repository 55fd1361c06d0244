import Logging
public import MartletCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A registry in a file written by a supervisor; an invalid, missing or empty file leaves the last valid set in use.
///
/// The file is read when the registry is made, and again when it has changed while ``whileWatched(_:)`` runs. Without
/// that, instances that move are not found.
public final class FileRegistry: Registry {
    /// Identifies a version of the file.
    struct Version: Equatable {
        let inode: UInt64
        let size: Int64
        let seconds: Int
        let nanoseconds: Int
    }

    private struct State {
        var services: [String: [Instance]]?
        var fault: RegistryFile.Invalid?

        /// - Throws: The fault of a file that was never valid.
        func current(_ path: String) throws -> [String: [Instance]] {
            if let services { return services }
            throw fault ?? RegistryFile.Invalid(path: path, line: 0, key: "", message: "was not read")
        }
    }

    typealias Read = @Sendable (_ path: String) throws(RegistryFile.Invalid) -> [String: [Instance]]

    private let path: String
    private let time: any TimeSource
    private let interval: Duration
    private let read: Read
    private let state = Mutex(State())
    /// The version that was read last; held while the file is read, so that no snapshot waits for it.
    private let version = Mutex<Version?>(nil)

    /// Reads the file; a fault of it is logged, and what a snapshot throws until the file is valid.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - interval: How often the file is checked for a change.
    ///   - time: The clock of the interval.
    public convenience init(path: String, every interval: Duration, time: any TimeSource) {
        self.init(path: path, every: interval, time: time, read: RegistryFile.read)
    }

    init(path: String, every interval: Duration, time: any TimeSource, read: @escaping Read) {
        self.read = read
        self.path = path
        self.interval = interval
        self.time = time
        refresh()
    }

    /// The fault of the current file; `nil` when it is valid.
    var fault: RegistryFile.Invalid? { state.withLock { $0.fault } }

    public func snapshot(_ service: String) throws -> [Instance] {
        try state.withLock { try $0.current(path)[service] ?? [] }
    }

    public func services() throws -> [String] {
        try state.withLock { try $0.current(path) }.filter { !$0.value.isEmpty }.keys.sorted()
    }

    public func changes(of service: String, from known: [Instance]) async throws -> [Instance] {
        while true {
            refresh()
            // A watcher treats a file that was never valid as empty, and waits for a valid one.
            let now = (try? snapshot(service)) ?? []
            if now != known { return now }
            try await time.sleep(for: interval)
        }
    }

    /// Runs `body`, and meanwhile reads the file when it has changed.
    ///
    /// - Throws: What `body` throws.
    public func whileWatched<R: Sendable>(_ body: () async throws -> R) async throws -> R {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                while true {
                    self.refresh()
                    try await self.time.sleep(for: self.interval)
                }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    /// Reads the file if it has changed, or could not be read before.
    func refresh() {
        let fault: RegistryFile.Invalid? = version.withLock { version in
            do throws(RegistryFile.Invalid) {
                let found = try Self.version(of: path)
                guard found != version else { return nil }
                let services = try read(path)
                try accept(services)
                version = found
                return nil
            } catch {
                // Read again at the next check: the process may have lacked a resource, such as a file descriptor.
                version = nil
                return reject(error) ? error : nil
            }
        }
        guard let fault else { return }
        Logger.current.error(
            "the registry file is invalid, the last valid set stays in use",
            metadata: [
                "path": "\(fault.path)", "line": "\(fault.line)", "key": "\(fault.key)", "fault": "\(fault.message)",
            ]
        )
    }

    /// - Throws: `Invalid` for an empty file after one that listed instances: all services do not stop at the same time.
    ///   Calls fail where one did.
    private func accept(_ services: [String: [Instance]]) throws(RegistryFile.Invalid) {
        let isAccepted = state.withLock { state in
            if services.isEmpty, let current = state.services, !current.isEmpty { return false }
            state = State(services: services, fault: nil)
            return true
        }
        guard isAccepted else {
            throw RegistryFile.Invalid(path: path, line: 0, key: "services", message: "lists no instances any more")
        }
    }

    /// - Returns: Whether the fault is another one than before.
    private func reject(_ fault: RegistryFile.Invalid) -> Bool {
        state.withLock { state in
            defer { state.fault = fault }
            return state.fault != fault
        }
    }

    private static func version(of path: String) throws(RegistryFile.Invalid) -> Version {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw RegistryFile.Invalid(
                path: path,
                line: 0,
                key: "",
                message: "cannot be opened: \(String(cString: strerror(errno)))"
            )
        }
        #if canImport(Darwin)
            let modified = status.st_mtimespec
        #else
            let modified = status.st_mtim
        #endif
        return Version(
            inode: UInt64(status.st_ino),
            size: Int64(status.st_size),
            seconds: Int(modified.tv_sec),
            nanoseconds: Int(modified.tv_nsec)
        )
    }
}
