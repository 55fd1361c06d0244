import Glibc
import Logging
public import MartletCore
import Synchronization

/// Reads what a supervisor wrote, again whenever the file changes; keeps the last good set when it is bad, gone or empty.
///
/// It looks at the file's modification at most every `every`, when it is asked: there is no task behind it.
public final class FileRegistry: Registry {
    /// What tells two versions of a file apart.
    struct Version: Equatable {
        let inode: UInt64
        let size: Int64
        let seconds: Int
        let nanoseconds: Int
    }

    struct State {
        var services: [String: [Instance]]?
        var version: Version?
        var looked: Moment?
        var bad: RegistryFile.Bad?
    }

    typealias Read = @Sendable (_ path: String) throws(RegistryFile.Bad) -> [String: [Instance]]

    private let path: String
    private let time: any TimeSource
    private let pause: Duration
    private let read: Read
    private let state = Mutex(State())

    public convenience init(path: String, every pause: Duration, time: any TimeSource) {
        self.init(path: path, every: pause, time: time, read: RegistryFile.read)
    }

    init(path: String, every pause: Duration, time: any TimeSource, read: @escaping Read) {
        self.read = read
        self.path = path
        self.pause = pause
        self.time = time
    }

    /// What is wrong with the file as it stands; `nil` when it is good.
    public var bad: RegistryFile.Bad? { state.withLock { $0.bad } }

    public func resolve(_ service: String) async throws -> [Instance] { try known()[service] ?? [] }

    public func services() async throws -> [String] {
        try known().filter { !$0.value.isEmpty }.keys.sorted()
    }

    public func changes(of service: String, from known: [Instance]) async throws -> [Instance] {
        while true {
            // A file that was never good is as good as an empty one to a watcher: it waits for a better one.
            let now = (try? await resolve(service)) ?? []
            if now != known { return now }
            try await time.sleep(for: pause)
        }
    }

    private func known() throws -> [String: [Instance]] {
        let (services, bad, isNews) = state.withLock { state in
            let before = state.bad
            look(&state)
            return (state.services, state.bad, state.bad != nil && state.bad != before)
        }
        if isNews, let bad {
            Logger.current.error(
                "the registry file is bad, the last good set stays",
                metadata: [
                    "path": "\(bad.path)", "line": "\(bad.line)", "key": "\(bad.key)", "fault": "\(bad.message)",
                ]
            )
        }
        if let services { return services }
        throw bad ?? RegistryFile.Bad(path: path, line: 0, key: "", message: "was not read")
    }

    private func look(_ state: inout State) {
        let now = time.now
        if let looked = state.looked, now < looked + pause { return }
        state.looked = now
        var status = stat()
        guard stat(path, &status) == 0 else {
            state.bad = RegistryFile.Bad(
                path: path,
                line: 0,
                key: "",
                message: "cannot be opened: \(String(cString: strerror(errno)))"
            )
            state.version = nil
            return
        }
        let version = Version(
            inode: UInt64(status.st_ino),
            size: Int64(status.st_size),
            seconds: Int(status.st_mtim.tv_sec),
            nanoseconds: Int(status.st_mtim.tv_nsec)
        )
        guard version != state.version else { return }
        do throws(RegistryFile.Bad) {
            let services = try read(path)
            // A whole system does not vanish at once: calls find out by themselves who is really gone.
            if services.isEmpty, let known = state.services, !known.isEmpty {
                throw RegistryFile.Bad(path: path, line: 0, key: "services", message: "names nobody any more")
            }
            state.services = services
            state.bad = nil
            state.version = version
        } catch {
            // Read again at the next look: it may have been the process that lacked something, not the file.
            state.bad = error
            state.version = nil
        }
    }
}
