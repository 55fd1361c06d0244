import Foundation
package import Logging
import MartletCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The process of a daemon, as far as the operating system limits and protects it.
package enum DaemonProcess {
    /// The permissions that files never have: those of the group and of others.
    private static let fileMask: mode_t = 0o077

    /// SwiftNIO's variable for the number of its event loops.
    private static let eventLoopsVariable = "NIO_SINGLETON_GROUP_LOOP_COUNT"

    /// Event loops for so many processors: one for every four.
    ///
    /// A handler that calls another service needs no switch of threads when both connections are on one loop: a fifth less
    /// processor time at one open call, a tenth at sixteen, than with a loop for each of two processors.
    static func eventLoops(processors: Int) -> Int { max(1, processors / 4) }

    /// Prepares this process before it opens files and listeners.
    ///
    /// What it creates is for its user only, and it may open as many files as the system permits, see `DescriptorLimit`. It
    /// has one event loop for every four processors, unless `NIO_SINGLETON_GROUP_LOOP_COUNT` is set.
    ///
    /// A repeat does nothing.
    ///
    /// - Parameter log: Gets a line with the limit of open files.
    package static func prepare(_ log: Logger) {
        makeFilesPrivate()
        // An operator's own number stays. Read when the first socket is opened.
        setenv(eventLoopsVariable, "\(eventLoops(processors: ProcessInfo.processInfo.activeProcessorCount))", 0)
        let (soft, hard) = (DescriptorLimit.current, DescriptorLimit.hard)
        let limit = DescriptorLimit.raise()
        let facts: Logger.Metadata = ["soft": "\(soft)", "hard": "\(hard)", "limit": "\(limit)"]
        guard limit >= min(hard, DescriptorLimit.raisedMax) else {
            return log.warning("the limit of open files cannot be raised, it stays as it is", metadata: facts)
        }
        log.info("open files", metadata: facts)
    }

    /// Files and folders that this process and its children create from now on are for its user only.
    package static func makeFilesPrivate() { umask(fileMask) }
}
