import MartletSQL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Makes a database's files private: what a service stores is for its owner only.
enum SQLiteFileAccess {
    /// Read and write for the owner.
    static let mode: mode_t = 0o600
    /// The permissions of all other users.
    private static let others: mode_t = 0o077
    /// The database's file, its write-ahead log, the log's index and the lock.
    private static let suffixes = ["", "-wal", "-shm", ".lock"]

    /// Creates the file at `path` if it is missing, and takes the permissions of others away from all files of the
    /// database that belong to this process's user.
    ///
    /// SQLite creates the other files with the permissions of the first.
    ///
    /// - Throws: `SQLError` with `unavailable` or `full` when the file cannot be created.
    static func restrict(_ path: String) throws {
        // An existing file is not opened: closing it again would release the locks that this process holds on it.
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        if descriptor >= 0 {
            close(descriptor)
        } else if errno != EEXIST {
            let reason = errno
            throw SQLError(
                SQLiteCodes.isFull(reason) ? .full : .unavailable,
                code: "open",
                message: "cannot create \(path): \(String(cString: strerror(reason)))"
            )
        }
        for suffix in suffixes { restrictExisting(path + suffix) }
    }

    private static func restrictExisting(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_uid == geteuid(), status.st_mode & others != 0 else { return }
        // A file system without permissions may refuse; then they mean nothing there.
        _ = chmod(path, status.st_mode & ~others & 0o7777)
    }
}
