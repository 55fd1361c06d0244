#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The room that is left on the disk of a file or a folder.
package struct DiskSpace: Sendable {
    /// With less free space than this a disk counts as full: 1 MiB.
    package static let freeBytesMin: UInt64 = 1 << 20

    /// A file or a folder on the disk.
    package let path: String

    package init(path: String) { self.path = path }

    /// The bytes that this process's user may still write; `nil` when the disk does not state it.
    package var freeBytes: UInt64? {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return nil }
        // A disk that is only read, or has no blocks of its own, reports no free ones.
        guard status.f_flag & UInt(ST_RDONLY) == 0, status.f_blocks > 0 else { return nil }
        // Only root may use the blocks that are reserved for it.
        let blocks = geteuid() == 0 ? status.f_bfree : status.f_bavail
        return UInt64(blocks).multipliedReportingOverflow(by: UInt64(status.f_frsize)).partialValue
    }

    /// Whether the disk counts as full; false where its free space is unknown.
    package var isFull: Bool { Self.isFull(freeBytes: freeBytes) }

    static func isFull(freeBytes: UInt64?) -> Bool { freeBytes.map { $0 < freeBytesMin } ?? false }

    /// What is wrong, for callers and operators; `nil` while there is room.
    package var problem: String? { isFull ? "the disk is full" : nil }
}
