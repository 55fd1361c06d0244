/// One file in two layers: what has been written, and what a power loss cannot take.
///
/// Between two syncs it keeps what each change replaced, so that any part of the changes can be taken back.
struct DiskFile: Sendable {
    /// Neighbouring bytes up to this boundary go to the disk together or not at all, unless a write is torn.
    static let sectorBytes = 4_096

    /// A write or, when it has no bytes, a new size.
    private struct Change {
        /// Counts the changes of all files of the disk.
        let number: Int
        /// Where the bytes begin; of a new size, the size.
        let offset: Int
        let count: Int
        let sizeBefore: Int
        let replaced: Range<Int>
    }

    private(set) var written: [UInt8]
    /// What is on the disk when it is not what was written without its unsynced changes: after a failed sync the system takes
    /// pages for clean that never got there.
    private var onDisk: [UInt8]?
    private var changes: [Change] = []
    /// What the changes replaced, one after the other.
    private var replaced: [UInt8] = []

    init(_ bytes: [UInt8] = []) { written = bytes }

    var size: Int { written.count }

    /// The numbers of the changes that have not been synced.
    var unsynced: [Int] { changes.map(\.number) }

    // MARK: - What the program does

    /// Copies what is written from `offset` on into `target`; returns how many bytes there were.
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

    /// Makes what is written durable.
    mutating func sync() {
        if var disk = onDisk {
            // Or each sync would copy the file.
            onDisk = nil
            // A page that was taken for clean is written again only when something else in it changes.
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
        forgetChanges()
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

    private mutating func forgetChanges() {
        changes.removeAll(keepingCapacity: true)
        replaced.removeAll(keepingCapacity: true)
    }

    // MARK: - What the world does

    /// A sync that failed: `survivors` says what got to the disk, and the system tries none of the rest again.
    mutating func failSync(_ survivors: inout Survivors) {
        onDisk = disk(&survivors)
        forgetChanges()
    }

    /// A power loss: what is left is on the disk and nowhere else.
    mutating func losePower(_ survivors: inout Survivors) {
        written = disk(&survivors)
        onDisk = nil
        forgetChanges()
    }

    /// What is on the disk when `survivors` of the unsynced changes got there.
    private func disk(_ survivors: inout Survivors) -> [UInt8] {
        guard !changes.isEmpty else { return onDisk ?? written }
        let (before, steps) = history()
        var disk = onDisk ?? before
        for (change, bytes) in zip(changes, steps) {
            guard change.count > 0 else {
                if survivors.keptBytes(of: 1, number: change.number) > 0 { resize(&disk, change.offset) }
                continue
            }
            var start = 0
            while start < change.count {
                let offset = change.offset + start
                let count = min(change.count - start, Self.sectorBytes - offset % Self.sectorBytes)
                let kept = survivors.keptBytes(of: count, number: change.number)
                if kept > 0 {
                    if disk.count < offset + kept { resize(&disk, offset + kept) }
                    disk.replaceSubrange(offset..<offset + kept, with: bytes[start..<start + kept])
                }
                start += count
            }
        }
        return disk
    }

    /// What each change wrote, the oldest first, and what was there before all of them.
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

/// Cuts `bytes` or fills them with zeros.
private func resize(_ bytes: inout [UInt8], _ size: Int) {
    if bytes.count > size {
        bytes.removeLast(bytes.count - size)
    } else if bytes.count < size {
        // As an array: appending a sequence goes byte by byte in a debug build.
        bytes.append(contentsOf: [UInt8](repeating: 0, count: size - bytes.count))
    }
}
