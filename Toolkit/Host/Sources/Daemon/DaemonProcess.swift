package import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The process of a daemon, as far as the operating system limits and protects it.
package enum DaemonProcess {
    /// The limit of open files is not raised above this, since some libraries visit every possible descriptor: 1,048,576.
    package static let openFilesMax: UInt64 = 1 << 20
    /// The permissions that files never have: those of the group and of others.
    private static let fileMask: mode_t = 0o077

    /// Prepares this process before it opens files and listeners: what it creates is for its user only, and it may open as
    /// many files as the system permits.
    ///
    /// A repeat does nothing.
    ///
    /// - Parameter log: Gets a line with the limit of open files.
    package static func prepare(_ log: Logger) {
        makeFilesPrivate()
        guard var limit = openFiles else {
            return log.warning("the limit of open files cannot be read", metadata: ["error": "\(reason)"])
        }
        let before = limit.rlim_cur
        let wanted = raised(from: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
        var facts: Logger.Metadata = ["soft": "\(before)", "hard": "\(limit.rlim_max)", "limit": "\(before)"]
        if wanted > UInt64(before) {
            limit.rlim_cur = rlim_t(wanted)
            guard setrlimit(openFilesResource, &limit) == 0 else {
                facts["error"] = "\(reason)"
                return log.warning("the limit of open files cannot be raised, it stays as it is", metadata: facts)
            }
            facts["limit"] = "\(wanted)"
        }
        log.info("open files", metadata: facts)
    }

    /// Files and folders that this process and its children create from now on are for its user only.
    package static func makeFilesPrivate() { umask(fileMask) }

    /// The soft limit to set: the hard one, at most ``openFilesMax``, and never less than `soft`.
    static func raised(from soft: UInt64, hard: UInt64) -> UInt64 { max(soft, min(hard, openFilesMax)) }

    private static var openFiles: rlimit? {
        var limit = rlimit()
        return getrlimit(openFilesResource, &limit) == 0 ? limit : nil
    }

    #if canImport(Glibc)
        private static var openFilesResource: __rlimit_resource_t { __rlimit_resource_t(RLIMIT_NOFILE.rawValue) }
    #else
        private static var openFilesResource: Int32 { RLIMIT_NOFILE }
    #endif

    private static var reason: String { String(cString: strerror(errno)) }
}
