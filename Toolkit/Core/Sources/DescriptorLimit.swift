#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How many files and sockets this process may have open: its soft limit, as `ulimit -n` shows it.
package enum DescriptorLimit {
    /// The soft limit is not raised above this: a program that this one starts may close every possible descriptor.
    #if canImport(Darwin)
        package static let raisedMax: UInt64 = 10_240
    #else
        package static let raisedMax: UInt64 = 65_536
    #endif

    /// The soft limit; `UInt64.max` without one, or when it cannot be read.
    package static var current: UInt64 { read().map { UInt64($0.rlim_cur) } ?? .max }

    /// The hard limit, to which the soft one may be raised; `UInt64.max` without one, or when it cannot be read.
    package static var hard: UInt64 { read().map { UInt64($0.rlim_max) } ?? .max }

    /// Raises the soft limit to the hard one, at most to ``raisedMax``; it is never lowered.
    ///
    /// A repeat does nothing. A system that refuses leaves the limit as it is.
    ///
    /// - Returns: The soft limit from now on.
    @discardableResult
    package static func raise() -> UInt64 {
        guard var limit = read() else { return .max }
        let wanted = raised(soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
        guard wanted > UInt64(limit.rlim_cur) else { return wanted }
        limit.rlim_cur = rlim_t(wanted)
        _ = setrlimit(openFiles, &limit)
        return current
    }

    static func raised(soft: UInt64, hard: UInt64) -> UInt64 { max(soft, min(hard, raisedMax)) }

    private static func read() -> rlimit? {
        var limit = rlimit()
        return getrlimit(openFiles, &limit) == 0 ? limit : nil
    }

    #if canImport(Glibc)
        private static var openFiles: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
    #else
        private static var openFiles: Int32 { RLIMIT_NOFILE }
    #endif
}
