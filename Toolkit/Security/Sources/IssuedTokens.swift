import MartletCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// When the last token ends that a key has signed: until then the key must not be withdrawn.
///
/// One file for each key. A time is stored before its token is made, rounded up to ten seconds, so that many tokens need few
/// writes. Safe between processes.
struct IssuedTokens: Sendable {
    /// What the end of the last token is rounded up to, in seconds.
    static let step: Int64 = 10

    private let path: String

    /// - Parameters:
    ///   - key: The id of the key.
    ///   - folder: The issuer's.
    init(of key: String, in folder: String) {
        path = "\(folder)/\(key).end"
    }

    /// The key is new: it has signed nothing.
    func begin() throws { try update { $0 ?? 0 } }

    /// Stores that a token ends at `end`, unless a later one is stored.
    ///
    /// - Parameter unrecorded: When the last token ends of a key of which nothing is stored, as of one of an earlier version.
    func record(_ end: Timestamp, unrecorded: Timestamp) throws {
        try update { max($0 ?? Self.rounded(unrecorded), Self.rounded(end)) }
    }

    /// The key has signed tokens before; `unrecorded` as in ``record(_:unrecorded:)``.
    func adopt(unrecorded: Timestamp) throws { try update { $0 ?? Self.rounded(unrecorded) } }

    /// In seconds; a token without an end that a number of seconds can state ends with the last one.
    private static func rounded(_ end: Timestamp) -> Int64 {
        let seconds = min(max(0, end.milliseconds / 1_000), TokenRules.timeRange.upperBound)
        return (seconds + step - 1) / step * step
    }

    private func update(_ change: (Int64?) -> Int64) throws {
        let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX) == 0 else { throw failure() }
        let stored = try read(descriptor)
        let seconds = change(stored)
        guard seconds != stored else { return }
        // Of one length always: another end replaces all of it.
        let text = Array("\(String(repeating: "0", count: 20 - "\(seconds)".utf8.count))\(seconds)".utf8)
        guard pwrite(descriptor, text, text.count, 0) == text.count, fsync(descriptor) == 0 else { throw failure() }
    }

    /// When the last token ends; `nil` when nothing is stored of the key.
    func end() throws -> Timestamp? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure()
        }
        defer { close(descriptor) }
        return try read(descriptor).map { Timestamp(seconds: $0) }
    }

    func remove() { unlink(path) }

    private func read(_ descriptor: Int32) throws -> Int64? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw failure() }
        return Int64(String(decoding: bytes.prefix(count), as: UTF8.self))
    }

    private func failure() -> SecretFile.Unreadable {
        SecretFile.Unreadable(path: path, message: String(cString: strerror(errno)))
    }
}
