import MartletSQL
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Locks a database file for one process; the system releases the lock when the process exits.
final class SQLiteFileLock: Sendable {
    private let descriptor: Mutex<Int32?>

    /// - Throws: ``SQLError`` with `unavailable` and the code `locked` when another owner holds `<path>.lock`; with `full`
    ///   when there is no room for it.
    init(path: String) throws {
        let lockPath = path + ".lock"
        let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, SQLiteFileAccess.mode)
        guard descriptor >= 0 else {
            let reason = errno
            throw SQLError(
                SQLiteCodes.isFull(reason) ? .full : .unavailable,
                code: "open",
                message: "cannot open \(lockPath): \(Self.reason(reason))"
            )
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            close(descriptor)
            guard reason == EWOULDBLOCK else {
                throw SQLError(.unavailable, code: "lock", message: "cannot lock \(lockPath): \(Self.reason(reason))")
            }
            throw SQLError(
                .unavailable,
                code: "locked",
                message: "\(path) is in use: one process owns a database file at a time"
            )
        }
        self.descriptor = Mutex(descriptor)
    }

    deinit { release() }

    /// Releases the lock; a repeat does nothing.
    func release() {
        let held = descriptor.withLock { descriptor in
            defer { descriptor = nil }
            return descriptor
        }
        if let held { close(held) }
    }

    private static func reason(_ number: Int32) -> String { String(cString: strerror(number)) }
}
