#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The name of the computer or container.
enum HostName {
    private static let bytesLimit = 256

    /// `localhost` when the system has none.
    static var current: String {
        var bytes = [CChar](repeating: 0, count: bytesLimit)
        // The last byte stays 0: a name that is too long is cut off without one.
        guard gethostname(&bytes, bytesLimit - 1) == 0 else { return "localhost" }
        let name = String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        return name.isEmpty ? "localhost" : name
    }
}
