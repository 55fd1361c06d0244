import Glibc

/// How many connections a listener holds at most: a process that has no descriptor left can neither log in a file, nor ask
/// another service, nor live, since its runtime opens files too.
enum ConnectionBudget {
    static let connectionsMax = 10_000
    /// The part of all descriptors that a listener's connections may have: one in so many.
    static let share = 2

    /// For this process, by its own limit (`ulimit -n`).
    static var connections: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return connectionsMax }
        return connections(descriptors: UInt64(limit.rlim_cur))
    }

    /// - Parameter descriptors: `UInt64.max` stands for no limit.
    static func connections(descriptors: UInt64) -> Int {
        max(1, min(connectionsMax, Int(clamping: descriptors / UInt64(share))))
    }
}
