import CSQLite
import MartletCore

/// The state of a disk, without lock, function tables or SQLite's calling conventions.
///
/// Functions that return an `Int32` return SQLite's codes.
struct DiskState: Sendable {
    struct PowerLoss: Sendable {
        /// Changes that still succeed.
        var after: Int
        let survival: Survival
        let onLoss: @Sendable () -> Void
    }

    let entropy: any Entropy
    var faults = DiskFaults()
    var counts = DiskCounts()
    /// Planned faults, with the number of calls of their kind before each.
    var planned: [(fault: DiskFault, after: Int)] = []
    var plannedPowerLoss: PowerLoss?
    /// Called once the lock is released.
    var pendingCallback: (@Sendable () -> Void)?
    /// The number of the current process run: files opened in another run fail.
    private(set) var processRun = 1

    private var files: [DiskFile]
    private var names: [String: Int]
    /// The durable content of the folder.
    private var durableNames: [String: Int]
    private var handles: [DiskHandle] = []
    private var shared: [Int: SharedMemory] = [:]
    private var lastHandle = 0
    private var lastChange = 0

    init(_ image: DiskImage, entropy: any Entropy) {
        self.entropy = entropy
        files = image.names.map { DiskFile(image.files[$0] ?? []) }
        names = Dictionary(uniqueKeysWithValues: image.names.enumerated().map { ($1, $0) })
        durableNames = names
    }

    var image: DiskImage { DiskImage(names.mapValues { files[$0].written }) }

    func size(of file: Int) -> Int { files[file].size }

    func size(ofName name: String) -> Int? { names[name].map { files[$0].size } }

    // MARK: - Opening and closing

    mutating func open(_ name: String?, flags: Int32) -> (code: Int32, handle: DiskHandle?) {
        var found = name.flatMap { names[$0] }
        if found != nil, flags & SQLITE_OPEN_EXCLUSIVE != 0 { return (SQLITE_CANTOPEN, nil) }
        if found == nil {
            guard flags & SQLITE_OPEN_CREATE != 0 else { return (SQLITE_CANTOPEN, nil) }
            guard passChange() else { return (SQLITE_IOERR, nil) }
            found = files.count
            files.append(DiskFile())
            if let name { names[name] = found }
        }
        guard let found else { return (SQLITE_CANTOPEN, nil) }
        lastHandle += 1
        let handle = DiskHandle(id: lastHandle, file: found, deleteOnClose: flags & SQLITE_OPEN_DELETEONCLOSE != 0)
        handles.append(handle)
        return (SQLITE_OK, handle)
    }

    mutating func close(_ id: Int) {
        guard let index = handles.firstIndex(where: { $0.id == id }) else { return }
        let handle = handles.remove(at: index)
        if handle.deleteOnClose { names = names.filter { $0.value != handle.file } }
        if !handles.contains(where: { $0.file == handle.file }) { shared[handle.file] = nil }
        freeDeleted()
    }

    mutating func delete(_ name: String, syncFolder: Bool) -> Int32 {
        guard names[name] != nil else { return ResultCodes.nothingToDelete }
        guard passChange() else { return SQLITE_IOERR }
        names[name] = nil
        if syncFolder { self.syncFolder() }
        freeDeleted()
        return SQLITE_OK
    }

    /// False for an empty file, as in SQLite's own file systems.
    func exists(_ name: String) -> Bool { (size(ofName: name) ?? 0) > 0 }

    private mutating func syncFolder() {
        counts.folderSyncs += 1
        durableNames = names
    }

    /// Frees the bytes of files without a name and without an open handle.
    private mutating func freeDeleted() {
        let seen = Set(names.values).union(durableNames.values).union(handles.map(\.file))
        for file in files.indices where files[file].size > 0 && !seen.contains(file) { files[file] = DiskFile() }
    }

    // MARK: - Bytes

    mutating func read(_ file: Int, into target: UnsafeMutableRawBufferPointer, at offset: Int) -> Int32 {
        counts.reads += 1
        if happens(.readError) { return ResultCodes.readError }
        let count = files[file].read(into: target, at: offset)
        counts.bytesRead += count
        guard count < target.count else { return SQLITE_OK }
        UnsafeMutableRawBufferPointer(rebasing: target[count...]).initializeMemory(as: UInt8.self, repeating: 0)
        return ResultCodes.shortRead
    }

    mutating func write(_ file: Int, _ bytes: UnsafeRawBufferPointer, at offset: Int) -> Int32 {
        counts.writes += 1
        var (accepted, code) = (bytes.count, SQLITE_OK)
        if happens(.writeError) {
            (accepted, code) = (0, ResultCodes.writeError)
        } else if happens(.shortWrite) {
            (accepted, code) = (Int(entropy.number(below: UInt64(bytes.count))), ResultCodes.writeError)
        }
        let space = freeBytes(in: file, at: offset)
        if accepted > space {
            counts.full += 1
            (accepted, code) = (space, SQLITE_FULL)
        }
        if accepted > 0 {
            lastChange += 1
            counts.bytesWritten += accepted
            files[file].write(UnsafeRawBufferPointer(rebasing: bytes[..<accepted]), at: offset, number: lastChange)
        }
        return passChange() ? code : SQLITE_IOERR
    }

    mutating func truncate(_ file: Int, to size: Int) -> Int32 {
        lastChange += 1
        files[file].truncate(to: size, number: lastChange)
        return passChange() ? SQLITE_OK : SQLITE_IOERR
    }

    mutating func sync(_ file: Int, folderToo: Bool) -> Int32 {
        guard passChange() else { return SQLITE_IOERR }
        counts.syncs += 1
        if happens(.syncError) {
            var survivors = Survivors(.subset, of: files[file].unsynced, entropy: entropy)
            files[file].failSync(&survivors)
            count(survivors)
            return ResultCodes.syncError
        }
        files[file].sync()
        if folderToo { syncFolder() }
        return SQLITE_OK
    }

    /// How many bytes can still be written from `offset` on.
    private func freeBytes(in file: Int, at offset: Int) -> Int {
        guard let most = faults.bytesMax else { return .max }
        let used = Set(names.values).union(handles.map(\.file)).reduce(0) { $0 + files[$1].size }
        return max(0, max(0, most - used) + files[file].size - offset)
    }

    // MARK: - Locks

    mutating func lock(_ id: Int, _ level: Int32) -> Int32 {
        change(id) { handle, others in handle.acquire(level, beside: others) }
    }

    mutating func unlock(_ id: Int, _ level: Int32) -> Int32 {
        change(id) { handle, _ in
            handle.lock = min(handle.lock, level)
            return SQLITE_OK
        }
    }

    func isReserved(_ file: Int) -> Bool {
        handles.contains { $0.file == file && $0.lock >= SQLITE_LOCK_RESERVED }
    }

    mutating func lockSlots(_ id: Int, mask: Int32, flags: Int32) -> Int32 {
        change(id) { handle, others in handle.change(slots: mask, flags, beside: others) }
    }

    mutating func sharedMemory(of file: Int) -> SharedMemory {
        let memory = shared[file] ?? SharedMemory()
        shared[file] = memory
        return memory
    }

    private mutating func change(_ id: Int, _ work: (inout DiskHandle, [DiskHandle]) -> Int32) -> Int32 {
        guard let index = handles.firstIndex(where: { $0.id == id }) else { return SQLITE_IOERR }
        let file = handles[index].file
        return work(&handles[index], handles.filter { $0.file == file && $0.id != id })
    }

    // MARK: - Faults

    /// Ends the process: its files are closed, its locks released, and its unsynced writes stay unsynced.
    mutating func kill() {
        counts.kills += 1
        endProcess()
    }

    /// Cuts and restores power.
    mutating func losePower(_ survival: Survival) {
        counts.powerLosses += 1
        endProcess()
        plannedPowerLoss = nil
        let unsynced = files.flatMap(\.unsynced).sorted()
        var survivors = Survivors(survival, of: unsynced, entropy: entropy)
        for name in Set(names.keys).union(durableNames.keys).sorted() where names[name] != durableNames[name] {
            if survivors.nameSurvives() {
                durableNames[name] = names[name]
            } else {
                counts.lostNames += 1
            }
        }
        names = durableNames
        for file in files.indices { files[file].losePower(&survivors) }
        count(survivors)
        freeDeleted()
    }

    /// The process ends, and the files are those of `image`.
    mutating func replace(with image: DiskImage) {
        kill()
        plannedPowerLoss = nil
        // The places of former files are not used again: what was open may still be closed.
        let first = files.count
        files = files.map { _ in DiskFile() } + image.names.map { DiskFile(image.files[$0] ?? []) }
        names = Dictionary(uniqueKeysWithValues: image.names.enumerated().map { ($1, first + $0) })
        durableNames = names
    }

    private mutating func endProcess() {
        processRun += 1
        handles = []
        shared = [:]
    }

    private mutating func count(_ survivors: Survivors) {
        counts.lostSectors += survivors.lostSectors
        counts.tornSectors += survivors.tornSectors
        counts.survivingSectors += survivors.survivingSectors
    }

    /// Counts a change towards the planned power loss; false when power is lost now.
    private mutating func passChange() -> Bool {
        guard let planned = plannedPowerLoss else { return true }
        guard planned.after <= 0 else {
            plannedPowerLoss?.after -= 1
            return true
        }
        losePower(planned.survival)
        pendingCallback = planned.onLoss
        return false
    }

    private mutating func happens(_ fault: DiskFault) -> Bool {
        if planned.isEmpty, faults.chances.isEmpty { return false }
        var now = false
        if let next = planned.firstIndex(where: { $0.fault == fault }) {
            if planned[next].after == 0 {
                planned.remove(at: next)
                now = true
            } else {
                planned[next].after -= 1
            }
        }
        if !now, let chance = faults.chances[fault], chance > 0 { now = entropy.fraction() < chance }
        if now { counts.faults[fault, default: 0] += 1 }
        return now
    }
}
