import Console
import Foundation

/// The locks of the databases in a data folder, which their owners hold while they run.
enum DatabaseLocks {
    private static let suffix = ".sqlite.lock"

    /// The databases that a process has open, by name.
    static func held(in folder: DataFolder) -> [String] {
        // A folder that cannot be listed has no database that could be found.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(suffix) && isHeld("\(folder.path)/\($0)") }.map {
            String($0.dropLast(".lock".count))
        }.sorted()
    }

    private static func isHeld(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // Shared, so that two commands that look at the same time do not find each other.
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
    }
}
