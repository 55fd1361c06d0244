import Console
import Foundation

/// The exclusive right to run a system on a data folder; the kernel releases it when the process exits.
final class FolderLock: Sendable {
    private let descriptor: Int32

    private init(_ descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(descriptor) }

    /// Acquires the lock; `nil` when another process holds it.
    static func acquire(_ folder: DataFolder) throws -> FolderLock? {
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
    static func isHeld(_ folder: DataFolder) -> Bool {
        guard FileManager.default.fileExists(atPath: folder.lock) else { return false }
        // A lock file that cannot be opened counts as held by another process.
        return (try? acquire(folder)) == nil
    }
}
