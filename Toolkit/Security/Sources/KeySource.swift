/// Where the public keys of an issuer come from, such as a file that is watched.
///
/// The algorithm belongs to a key, never to a token. Safe to share between tasks.
public protocol KeySource: Sendable {
    /// The keys that are valid now. Takes less than a microsecond, and reads no file.
    var current: KeySnapshot { get }
    /// Why the source cannot be read, so that the last valid keys stay in use; `nil` when it can.
    var fault: String? { get }

    /// Keeps ``current`` at most half a second old until its task is cancelled.
    ///
    /// - Throws: `CancellationError`.
    func watch() async throws
}

/// The keys of an issuer at one time.
public struct KeySnapshot: Sendable {
    /// Empty when no key is valid.
    public let keys: [TokenKey]
    /// Grows with each change of the keys.
    public let version: UInt64

    public init(keys: [TokenKey], version: UInt64) {
        self.keys = keys
        self.version = version
    }
}

/// Keys that never change.
public struct FixedKeys: KeySource {
    public let current: KeySnapshot
    public var fault: String? { nil }

    public init(_ keys: [TokenKey]) { current = KeySnapshot(keys: keys, version: 1) }

    /// Returns at once: there is nothing to watch.
    public func watch() async throws {}
}
