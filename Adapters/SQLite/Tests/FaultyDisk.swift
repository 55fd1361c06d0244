import CSQLite
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file system for SQLite named `faulty`: the real one, with fsync failures that a test switches on.
enum FaultyDisk {
    static let syncFails = Mutex(false)

    // Set once, before SQLite calls any of its functions.
    private nonisolated(unsafe) static let real = {
        _ = martlet_count_no_memory()
        return sqlite3_vfs_find(nil)
    }()
    // Changed under `setUp` only, and the same function for every file.
    private nonisolated(unsafe) static var realSync:
        (@convention(c) (UnsafeMutablePointer<sqlite3_file>?, Int32) -> Int32)?
    // Changed under `setUp` only.
    private nonisolated(unsafe) static var shadows:
        [(found: UnsafePointer<sqlite3_io_methods>, copy: UnsafeMutablePointer<sqlite3_io_methods>)] = []

    private static let registered: Bool = {
        guard let real else { return false }
        let faulty = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        faulty.initialize(to: real.pointee)
        faulty.pointee.pNext = nil
        faulty.pointee.zName = UnsafePointer(strdup("faulty"))
        faulty.pointee.xOpen = { _, name, file, flags, outFlags in
            guard let real = FaultyDisk.real, let open = real.pointee.xOpen, let file else { return SQLITE_CANTOPEN }
            let code = open(real, name, file, flags, outFlags)
            guard code == SQLITE_OK, let found = file.pointee.pMethods else { return code }
            FaultyDisk.shadow(found, of: file)
            return code
        }
        return sqlite3_vfs_register(faulty, 0) == SQLITE_OK
    }()

    /// The name under which SQLite opens `path` on this disk; `nil` when it could not be set up.
    static func uri(_ path: String) -> String? { registered ? "file:\(path)?vfs=faulty" : nil }

    private static let setUp = Mutex(())

    /// Replaces `file`'s xSync and keeps its other methods; SQLite has one set for locked files and one for logs.
    private static func shadow(_ found: UnsafePointer<sqlite3_io_methods>, of file: UnsafeMutablePointer<sqlite3_file>)
    {
        setUp.withLock { _ in
            realSync = found.pointee.xSync
            let copy: UnsafeMutablePointer<sqlite3_io_methods>
            if let known = shadows.first(where: { $0.found == found })?.copy {
                copy = known
            } else {
                copy = .allocate(capacity: 1)
                copy.initialize(to: found.pointee)
                copy.pointee.xSync = { file, flags in
                    guard !FaultyDisk.syncFails.withLock({ $0 }) else { return SQLITE_IOERR | (4 << 8) }
                    return FaultyDisk.realSync?(file, flags) ?? SQLITE_IOERR
                }
                shadows.append((found, copy))
            }
            file.pointee.pMethods = UnsafePointer(copy)
        }
    }
}
