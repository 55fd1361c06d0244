#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The bytes of the texts and blobs that are bound to the statement that a connection runs.
///
/// SQLite reads them here and copies none: an insert with five texts saves five allocations of SQLite.
final class SQLiteValueBuffer {
    static let capacity = 16_384

    private let start = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
    private var used = 0

    deinit { start.deallocate() }

    /// Begins the values of another statement: those of the last one are not read any more.
    func removeAll() { used = 0 }

    /// Keeps `bytes` until ``removeAll()``; `nil` when there is not room enough.
    func keep(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer? {
        guard bytes.count <= Self.capacity - used else { return nil }
        let kept = start + used
        if let source = bytes.baseAddress { memcpy(kept, source, bytes.count) }
        used += bytes.count
        return kept
    }
}
