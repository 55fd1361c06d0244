import CSQLite
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A disk registered as a SQLite file system, for one process run.
///
/// Open files retain it; when the process run has ended, every call through it fails.
// The memory that it points to is filled in the initializer and never changes after.
final class Mount: @unchecked Sendable {
    static let pathBytesMax = 512

    let name: String
    let disk: Disk
    let processRun: Int
    private let system: UnsafeMutablePointer<sqlite3_vfs>
    private static let count = Atomic(0)
    /// As of a connection, which comes later: the first use of SQLite decides.
    private static let countsNoMemory = martlet_count_no_memory()

    init(_ disk: Disk, processRun: Int) {
        _ = Self.countsNoMemory
        self.disk = disk
        self.processRun = processRun
        name = "simulated-\(Mount.count.add(1, ordering: .relaxed).newValue)"
        system = .allocate(capacity: 1)
        system.initialize(to: sqlite3_vfs())
        system.pointee.iVersion = 1
        system.pointee.szOsFile = Int32(OpenFile.handleBytes)
        system.pointee.mxPathname = Int32(Mount.pathBytesMax)
        system.pointee.zName = UnsafePointer(strdup(name))
        system.pointee.pAppData = Unmanaged.passUnretained(self).toOpaque()
        fill()
        let code = sqlite3_vfs_register(system, 0)
        precondition(code == SQLITE_OK, "SQLite registers every file system that has a name")
    }

    deinit {
        sqlite3_vfs_unregister(system)
        free(UnsafeMutablePointer(mutating: system.pointee.zName))
        system.deallocate()
    }

    /// Runs `work` on the disk unless the process run of this mount has ended; returns SQLite's code.
    func perform(_ work: (inout DiskState) -> Int32) -> Int32 {
        let (code, callback) = disk.state.withLock { state in
            guard state.processRun == processRun else { return (SQLITE_IOERR, nil as (@Sendable () -> Void)?) }
            let code = work(&state)
            guard let callback = state.pendingCallback else { return (code, nil) }
            state.pendingCallback = nil
            return (code, callback)
        }
        if let callback { callback() }
        return code
    }

    private static func of(_ system: UnsafeMutablePointer<sqlite3_vfs>?) -> Mount? {
        guard let pointer = system?.pointee.pAppData else { return nil }
        return Unmanaged<Mount>.fromOpaque(pointer).takeUnretainedValue()
    }

    private func fill() {
        system.pointee.xOpen = { system, name, file, flags, outFlags in
            guard let mount = Mount.of(system), let file else { return SQLITE_CANTOPEN }
            outFlags?.pointee = flags
            return OpenFile.open(name.map { String(cString: $0) }, flags, into: file, on: mount)
        }
        system.pointee.xDelete = { system, name, syncFolder in
            guard let mount = Mount.of(system), let name else { return SQLITE_IOERR }
            return mount.perform { $0.delete(String(cString: name), syncFolder: syncFolder & 1 != 0) }
        }
        system.pointee.xAccess = { system, name, _, answer in
            guard let mount = Mount.of(system), let name, let answer else { return SQLITE_IOERR }
            return mount.perform { state in
                answer.pointee = state.exists(String(cString: name)) ? 1 : 0
                return SQLITE_OK
            }
        }
        system.pointee.xFullPathname = { _, name, size, answer in
            guard let name, let answer, strlen(name) < Int(size) else { return SQLITE_CANTOPEN }
            strcpy(answer, name)
            return SQLITE_OK
        }
        system.pointee.xRandomness = { _, size, answer in
            // SQLite seeds its generator from the default file system only.
            if let answer { memset(answer, 0, Int(size)) }
            return size
        }
        // No call sleeps in real time.
        system.pointee.xSleep = { _, microseconds in microseconds }
        // A statement that reads SQLite's clock gets NULL.
        system.pointee.xCurrentTime = { _, _ in SQLITE_ERROR }
    }
}
