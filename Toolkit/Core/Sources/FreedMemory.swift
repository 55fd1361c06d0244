#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Memory that this process has freed, and that its allocator keeps for later.
///
/// Glibc keeps what many threads have allocated at a peak. The other C libraries return it themselves: with them these
/// functions do nothing.
package enum FreedMemory {
    /// Blocks from so many bytes on return to the system when they are freed.
    static let blockBytesMax: Int32 = 512 << 10
    /// Of the free end of a thread's memory, at most so many bytes are kept.
    static let endBytesMax: Int32 = 1 << 20

    /// Sets limits for what the allocator keeps; a repeat does nothing.
    ///
    /// By itself glibc raises them up to 32 and 64 MiB, after a large block was freed; and ``returnToSystem()`` does
    /// not reach the free ends of the memory of other threads than the first.
    package static func keepLittle() {
        guard let symbol = dlsym(nil, "mallopt") else { return }
        let set = unsafeBitCast(symbol, to: (@convention(c) (Int32, Int32) -> Int32).self)
        // The names M_TRIM_THRESHOLD and M_MMAP_THRESHOLD are in no header that Swift imports.
        _ = set(-1, endBytesMax)
        _ = set(-3, blockBytesMax)
    }

    /// Returns free pages to the system; takes some milliseconds for each gibibyte.
    package static func returnToSystem() {
        guard let symbol = dlsym(nil, "malloc_trim") else { return }
        _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
    }
}
