#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Equal hashes in every process, so that sets and dictionaries keep the same order in each.
public enum DeterministicHashing {
    private static let setting = "SWIFT_DETERMINISTIC_HASHING"

    /// The program could not be restarted.
    public struct Failure: Error {
        public let errno: Int32
    }

    public static var isOn: Bool { getenv(setting).map { String(cString: $0) } == "1" }

    /// Restarts this program with its own arguments and equal hashing; returns when that is already in effect.
    ///
    /// Must come first in the program: the runtime reads its setting once, and everything before this call runs twice.
    public static func adopt() throws(Failure) {
        guard !isOn else { return }
        setenv(setting, "1", 1)
        var arguments = CommandLine.arguments.map { strdup($0) }
        arguments.append(nil)
        execv("/proc/self/exe", arguments)
        throw Failure(errno: errno)
    }
}
