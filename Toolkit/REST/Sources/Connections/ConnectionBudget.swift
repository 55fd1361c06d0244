#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How many connections a listener may have open: without free descriptors a process can neither write its log nor call
/// another service, and its runtime fails too.
enum ConnectionBudget {
    static let connectionsMax = 10_000
    /// A listener's connections may use one in so many of all descriptors.
    static let share = 2

    /// For this process, by its own limit (`ulimit -n`).
    static var connections: Int {
        #if canImport(Glibc)
            let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let openFiles = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(openFiles, &limit) == 0 else { return connectionsMax }
        return connections(descriptors: UInt64(limit.rlim_cur))
    }

    /// - Parameter descriptors: `UInt64.max` means no limit.
    static func connections(descriptors: UInt64) -> Int {
        max(1, min(connectionsMax, Int(clamping: descriptors / UInt64(share))))
    }
}
