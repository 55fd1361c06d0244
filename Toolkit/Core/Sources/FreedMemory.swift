#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Memory that this process has freed, and that its allocator keeps for later.
package enum FreedMemory {
    /// Returns free pages to the system; takes some milliseconds for each gibibyte.
    ///
    /// Glibc keeps what many threads have allocated at a peak. The other C libraries return it themselves: there it does
    /// nothing.
    package static func returnToSystem() {
        guard let symbol = dlsym(nil, "malloc_trim") else { return }
        _ = unsafeBitCast(symbol, to: (@convention(c) (Int) -> Int32).self)(0)
    }
}
