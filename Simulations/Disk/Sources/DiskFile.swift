/// One file in two layers: what was written, and what is durable.
///
/// Between two syncs it stores what each change replaced, so that any subset of the changes can be undone.
struct DiskFile: Sendable {
    /// The bytes of one sector reach the disk together or not at all, unless a write is torn.
    static let sectorBytes = 4_096

    /// A write or, without bytes, a truncation.
    private struct Change {
        /// Counts the changes of all files of the disk.
        let number: Int
        /// The offset of the bytes; of a truncation, the new size.
        let offset: Int
        let count: Int
        let sizeBefore: Int
        let replaced: Range<Int>
    }

    private(set) var written: [UInt8]
    /// The durable content when it differs from `written` without its unsynced changes: after a failed sync the system
    /// treats pages as clean that never reached the disk.
    private var onDisk: [UInt8]?
    private var changes: [Change] = []
    /// The bytes that the changes replaced, concatenated.
    private var replaced: [UInt8] = []

    init(_ bytes: [UInt8] = []) { written = bytes }

    var size: Int { written.count }

    /// The numbers of the changes that have not been synced.
    var unsynced: [Int] { changes.map(\.number) }

    // MARK: - Calls of the program

    /// Copies the bytes from `offset` on into `target`; returns their count.
    func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        let count = min(target.count, max(0, size - offset))
        guard count > 0 else { return 0 }
        written.withUnsafeBytes { source in
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[offset..<offset + count]))
        }
        return count
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int, number: Int) {
        let over = max(0, min(bytes.count, size - offset))
        note(number, offset: offset, count: bytes.count, replacing: offset..<offset + over)
        if size < offset { resize(&written, offset) }
        if over > 0 {
            written.withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + over])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<over]))
            }
        }
        if over < bytes.count { written.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[over...])) }
    }

    mutating func truncate(to size: Int, number: Int) {
        guard size != self.size else { return }
        note(number, offset: size, count: 0, replacing: min(size, self.size)..<self.size)
        resize(&written, size)
    }

    /// Makes the written content durable.
    mutating func sync() {
        if var disk = onDisk {
            // Otherwise each sync would copy the file.
            onDisk = nil
            // A page that is treated as clean is written again only when something else in it changes.
            for change in changes where change.count > 0 {
                let first = change.offset / Self.sectorBytes * Self.sectorBytes
                let last = min(
                    size,
                    (change.offset + change.count - 1) / Self.sectorBytes * Self.sectorBytes + Self.sectorBytes
                )
                guard first < last else { continue }
                if disk.count < last { resize(&disk, last) }
                disk.replaceSubrange(first..<last, with: written[first..<last])
            }
            resize(&disk, size)
            onDisk = disk
        }
        clearChanges()
    }

    private mutating func note(_ number: Int, offset: Int, count: Int, replacing range: Range<Int>) {
        let start = replaced.count
        if !range.isEmpty { replaced.append(contentsOf: written[range]) }
        changes.append(
            Change(
                number: number,
                offset: offset,
                count: count,
                sizeBefore: size,
                replaced: start..<replaced.count
            )
        )
    }

    private mutating func clearChanges() {
        changes.removeAll(keepingCapacity: true)
        replaced.removeAll(keepingCapacity: true)
    }

    // MARK: - Faults

    /// A failed sync: `survivors` decides what reached the disk, and the system does not retry the rest.
    mutating func failSync(_ survivors: inout Survivors) {
        onDisk = disk(&survivors)
        clearChanges()
    }

    /// A power loss: only the durable content remains.
    mutating func losePower(_ survivors: inout Survivors) {
        written = disk(&survivors)
        onDisk = nil
        clearChanges()
    }

    /// The durable content when only `survivors` of the unsynced changes reached the disk.
    private func disk(_ survivors: inout Survivors) -> [UInt8] {
        guard !changes.isEmpty else { return onDisk ?? written }
        let (before, steps) = history()
        var disk = onDisk ?? before
        for (change, bytes) in zip(changes, steps) {
            guard change.count > 0 else {
                if survivors.survivingBytes(of: 1, number: change.number) > 0 { resize(&disk, change.offset) }
                continue
            }
            var start = 0
            while start < change.count {
                let offset = change.offset + start
                let count = min(change.count - start, Self.sectorBytes - offset % Self.sectorBytes)
                let surviving = survivors.survivingBytes(of: count, number: change.number)
                if surviving > 0 {
                    if disk.count < offset + surviving { resize(&disk, offset + surviving) }
                    disk.replaceSubrange(offset..<offset + surviving, with: bytes[start..<start + surviving])
                }
                start += count
            }
        }
        return disk
    }

    /// The content before all changes, and what each change wrote, the oldest first.
    private func history() -> (before: [UInt8], steps: [[UInt8]]) {
        var image = written
        var steps: [[UInt8]] = []
        for change in changes.reversed() {
            steps.append(Array(image[change.offset..<change.offset + change.count]))
            resize(&image, change.sizeBefore)
            let end = change.offset + change.replaced.count
            if change.offset < end { image.replaceSubrange(change.offset..<end, with: replaced[change.replaced]) }
        }
        return (image, steps.reversed())
    }
}

/// Truncates `bytes` or pads them with zeros.
private func resize(_ bytes: inout [UInt8], _ size: Int) {
    if bytes.count > size {
        bytes.removeLast(bytes.count - size)
    } else if bytes.count < size {
        // As an array: a debug build appends other sequences byte by byte.
        bytes.append(contentsOf: [UInt8](repeating: 0, count: size - bytes.count))
    }
}
