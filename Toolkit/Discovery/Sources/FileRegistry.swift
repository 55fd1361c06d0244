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
/// A query checks for a change of the file, at most once per interval; there is no background task.
public final class FileRegistry: Registry {
    /// Identifies a version of the file.
    struct Version: Equatable {
        let inode: UInt64
        let size: Int64
        let seconds: Int
        let nanoseconds: Int
    }

    struct State {
        var services: [String: [Instance]]?
        var version: Version?
        var checkedAt: Moment?
        var fault: RegistryFile.Invalid?
    }

    typealias Read = @Sendable (_ path: String) throws(RegistryFile.Invalid) -> [String: [Instance]]

    private let path: String
    private let time: any TimeSource
    private let interval: Duration
    private let read: Read
    private let state = Mutex(State())

    public convenience init(path: String, every interval: Duration, time: any TimeSource) {
        self.init(path: path, every: interval, time: time, read: RegistryFile.read)
    }

    init(path: String, every interval: Duration, time: any TimeSource, read: @escaping Read) {
        self.read = read
        self.path = path
        self.interval = interval
        self.time = time
    }

    /// The fault of the current file; `nil` when it is valid.
    var fault: RegistryFile.Invalid? { state.withLock { $0.fault } }

    public func resolve(_ service: String) async throws -> [Instance] { try currentServices()[service] ?? [] }

    public func services() async throws -> [String] {
        try currentServices().filter { !$0.value.isEmpty }.keys.sorted()
    }

    public func changes(of service: String, from known: [Instance]) async throws -> [Instance] {
        while true {
            // A watcher treats a file that was never valid as empty, and waits for a valid one.
            let now = (try? await resolve(service)) ?? []
            if now != known { return now }
            try await time.sleep(for: interval)
        }
    }

    private func currentServices() throws -> [String: [Instance]] {
        let (services, fault, isNew) = state.withLock { state in
            let before = state.fault
            refresh(&state)
            return (state.services, state.fault, state.fault != nil && state.fault != before)
        }
        if isNew, let fault {
            Logger.current.error(
                "the registry file is invalid, the last valid set stays in use",
                metadata: [
                    "path": "\(fault.path)", "line": "\(fault.line)", "key": "\(fault.key)",
                    "fault": "\(fault.message)",
                ]
            )
        }
        if let services { return services }
        throw fault ?? RegistryFile.Invalid(path: path, line: 0, key: "", message: "was not read")
    }

    private func refresh(_ state: inout State) {
        let now = time.now
        if let checkedAt = state.checkedAt, now < checkedAt + interval { return }
        state.checkedAt = now
        var status = stat()
        guard stat(path, &status) == 0 else {
            state.fault = RegistryFile.Invalid(
                path: path,
                line: 0,
                key: "",
                message: "cannot be opened: \(String(cString: strerror(errno)))"
            )
            state.version = nil
            return
        }
        #if canImport(Darwin)
            let modified = status.st_mtimespec
        #else
            let modified = status.st_mtim
        #endif
        let version = Version(
            inode: UInt64(status.st_ino),
            size: Int64(status.st_size),
            seconds: Int(modified.tv_sec),
            nanoseconds: Int(modified.tv_nsec)
        )
        guard version != state.version else { return }
        do throws(RegistryFile.Invalid) {
            let services = try read(path)
            // An empty file is not trusted: all services do not stop at the same time. Calls fail where one did.
            if services.isEmpty, let current = state.services, !current.isEmpty {
                throw RegistryFile.Invalid(path: path, line: 0, key: "services", message: "lists no instances any more")
            }
            state.services = services
            state.fault = nil
            state.version = version
        } catch {
            // Read again at the next check: the process may have lacked a resource, such as a file descriptor.
            state.fault = error
            state.version = nil
        }
    }
}
