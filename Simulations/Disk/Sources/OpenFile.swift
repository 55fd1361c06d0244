import CSQLite
import Synchronization

/// An open file as SQLite's handle refers to it.
///
/// Used only by the thread that uses the connection.
final class OpenFile {
    private let mount: Mount
    private let id: Int
    private let file: Int
    /// A new journal or log is lost until its name is durable: its first sync syncs the folder too.
    private var folderSyncDue: Bool
    private var memory: SharedMemory?

    private init(_ mount: Mount, _ handle: DiskHandle, folderSyncDue: Bool) {
        self.mount = mount
        id = handle.id
        file = handle.file
        self.folderSyncDue = folderSyncDue
    }

    private static let journals = SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL

    static func open(
        _ name: String?,
        _ flags: Int32,
        into target: UnsafeMutablePointer<sqlite3_file>,
        on mount: Mount
    ) -> Int32 {
        target.pointee.pMethods = nil
        var opened: DiskHandle?
        let code = mount.perform { state in
            let (code, handle) = state.open(name, flags: flags)
            opened = handle
            return code
        }
        guard code == SQLITE_OK, let opened else { return code == SQLITE_OK ? SQLITE_CANTOPEN : code }
        let isJournal = flags & SQLITE_OPEN_CREATE != 0 && flags & journals != 0
        let file = OpenFile(mount, opened, folderSyncDue: isJournal)
        UnsafeMutableRawPointer(target).storeBytes(
            of: Unmanaged.passRetained(file).toOpaque(),
            toByteOffset: referenceOffset,
            as: UnsafeMutableRawPointer.self
        )
        target.pointee.pMethods = UnsafePointer(methods)
        return SQLITE_OK
    }

    // MARK: - Reference in SQLite's handle

    /// After SQLite's own fields.
    private static let referenceOffset = MemoryLayout<sqlite3_file>.stride
    static let handleBytes = referenceOffset + MemoryLayout<UnsafeMutableRawPointer>.stride

    private static func reference(_ file: UnsafeMutablePointer<sqlite3_file>?) -> Unmanaged<OpenFile>? {
        guard let file else { return nil }
        let pointer = UnsafeMutableRawPointer(file).load(
            fromByteOffset: referenceOffset,
            as: UnsafeMutableRawPointer.self
        )
        return Unmanaged.fromOpaque(pointer)
    }

    private static func of(_ file: UnsafeMutablePointer<sqlite3_file>?) -> OpenFile? {
        reference(file)?.takeUnretainedValue()
    }

    /// SQLite's table of functions.
    // Filled before the first use, and never changed after.
    private nonisolated(unsafe) static let methods: UnsafeMutablePointer<sqlite3_io_methods> = {
        let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        methods.initialize(to: sqlite3_io_methods())
        // With shared memory, without mapped files.
        methods.pointee.iVersion = 2
        fillBytes(&methods.pointee)
        fillLocks(&methods.pointee)
        fillSharedMemory(&methods.pointee)
        return methods
    }()

    // MARK: - Functions

    private static func fillBytes(_ methods: inout sqlite3_io_methods) {
        methods.xClose = { file in
            guard let open = OpenFile.reference(file)?.takeRetainedValue() else { return SQLITE_OK }
            file?.pointee.pMethods = nil
            // After the end of the process its files are closed already.
            _ = open.mount.perform { state in
                state.close(open.id)
                return SQLITE_OK
            }
            return SQLITE_OK
        }
        methods.xRead = { file, target, count, offset in
            guard let open = OpenFile.of(file), let target else { return SQLITE_IOERR }
            let bytes = UnsafeMutableRawBufferPointer(start: target, count: Int(count))
            return open.mount.perform { $0.read(open.file, into: bytes, at: Int(offset)) }
        }
        methods.xWrite = { file, source, count, offset in
            guard let open = OpenFile.of(file), let source else { return SQLITE_IOERR }
            let bytes = UnsafeRawBufferPointer(start: source, count: Int(count))
            return open.mount.perform { $0.write(open.file, bytes, at: Int(offset)) }
        }
        methods.xTruncate = { file, size in
            guard let open = OpenFile.of(file) else { return SQLITE_IOERR }
            return open.mount.perform { $0.truncate(open.file, to: Int(size)) }
        }
        methods.xSync = { file, _ in
            guard let open = OpenFile.of(file) else { return SQLITE_IOERR }
            let code = open.mount.perform { $0.sync(open.file, folderToo: open.folderSyncDue) }
            if code == SQLITE_OK { open.folderSyncDue = false }
            return code
        }
        methods.xFileSize = { file, size in
            guard let open = OpenFile.of(file), let size else { return SQLITE_IOERR }
            return open.mount.perform { state in
                size.pointee = sqlite3_int64(state.size(of: open.file))
                return SQLITE_OK
            }
        }
    }

    private static func fillLocks(_ methods: inout sqlite3_io_methods) {
        methods.xLock = { file, level in
            guard let open = OpenFile.of(file) else { return SQLITE_IOERR }
            return open.mount.perform { $0.lock(open.id, level) }
        }
        methods.xUnlock = { file, level in
            guard let open = OpenFile.of(file) else { return SQLITE_IOERR }
            return open.mount.perform { $0.unlock(open.id, level) }
        }
        methods.xCheckReservedLock = { file, answer in
            guard let open = OpenFile.of(file), let answer else { return SQLITE_IOERR }
            return open.mount.perform { state in
                answer.pointee = state.isReserved(open.file) ? 1 : 0
                return SQLITE_OK
            }
        }
        methods.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
        // Both are SQLite's assumptions for a real file system.
        methods.xSectorSize = { _ in Int32(DiskFile.sectorBytes) }
        methods.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
    }

    private static func fillSharedMemory(_ methods: inout sqlite3_io_methods) {
        methods.xShmMap = { file, index, bytes, extend, answer in
            guard let open = OpenFile.of(file), let answer else { return SQLITE_IOERR }
            return open.mount.perform { state in
                let memory = open.memory ?? state.sharedMemory(of: open.file)
                open.memory = memory
                let region = memory.region(Int(index), bytes: Int(bytes), make: extend != 0)
                answer.pointee = region
                return SQLITE_OK
            }
        }
        methods.xShmLock = { file, first, count, flags in
            guard let open = OpenFile.of(file) else { return SQLITE_IOERR }
            let mask: Int32 = (1 << (first + count)) - (1 << first)
            return open.mount.perform { $0.lockSlots(open.id, mask: mask, flags: flags) }
        }
        methods.xShmBarrier = { _ in atomicMemoryFence(ordering: .sequentiallyConsistent) }
        methods.xShmUnmap = { file, _ in
            OpenFile.of(file)?.memory = nil
            return SQLITE_OK
        }
    }
}
