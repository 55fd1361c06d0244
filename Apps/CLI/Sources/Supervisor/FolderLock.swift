import Foundation

/// The right to run a shop on a data folder: held by one process, given back by the kernel when it dies.
final class FolderLock: Sendable {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Takes the lock; `nil` when another process has it.
    static func take(_ folder: DataFolder) throws -> FolderLock? {
        let descriptor = open(folder.lock, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure("\(folder.lock): \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return FolderLock(descriptor)
    }

    /// True when a process holds the lock of `folder`.
    static func isTaken(_ folder: DataFolder) -> Bool {
        guard FileManager.default.fileExists(atPath: folder.lock) else { return false }
        // A lock that cannot even be looked at belongs to somebody else.
        return (try? take(folder)) == nil
    }
}
