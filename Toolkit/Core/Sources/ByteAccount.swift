/// What one connection holds of a `ByteBudget`.
///
/// A value without a lock: it belongs to what owns the connection's state, such as its event loop. What it still holds at
/// its end is released.
public struct ByteAccount: ~Copyable, Sendable {
    /// The limits of one connection, in bytes.
    public struct Limits: Sendable, Hashable {
        /// What a connection may hold once a token was accepted on it.
        public var bytesMax: Int
        /// What it may hold before.
        public var untrustedBytesMax: Int
        /// What each connection may hold although the budget of the process is spent: enough for a question about health.
        public var freeBytes: Int

        public init(bytesMax: Int, untrustedBytesMax: Int, freeBytes: Int) {
            precondition(freeBytes >= 0 && untrustedBytesMax >= freeBytes && bytesMax >= untrustedBytesMax)
            self.bytesMax = bytesMax
            self.untrustedBytesMax = untrustedBytesMax
            self.freeBytes = freeBytes
        }
    }

    private let charge: ByteCharge
    private let limits: Limits
    private let makeSpace: @Sendable (_ bytes: Int) -> Void
    /// Bytes that the connection holds.
    package private(set) var held = 0
    /// Whether a token was accepted on the connection.
    package private(set) var isTrusted = false

    /// - Parameters:
    ///   - charge: What the connection has reserved in the budget of the process.
    ///   - makeSpace: Called before a reservation fails: others may release what this connection lacks to have so many
    ///     bytes reserved.
    init(_ charge: ByteCharge, limits: Limits, makeSpace: @escaping @Sendable (_ bytes: Int) -> Void) {
        self.charge = charge
        self.limits = limits
        self.makeSpace = makeSpace
    }

    deinit { charge.revoke() }

    /// Whether the connection holds more than what each one may hold although the budget is spent.
    package var isCharged: Bool { held > limits.freeBytes }

    /// - Returns: False when the connection, or the process, would hold too much; then nothing is reserved.
    package mutating func reserve(_ bytes: Int) -> Bool {
        let (sum, overflow) = held.addingReportingOverflow(bytes)
        guard !overflow, sum <= (isTrusted ? limits.bytesMax : limits.untrustedBytesMax) else { return false }
        let due = sum - limits.freeBytes
        if due > 0, !charge.raise(to: due) {
            makeSpace(due)
            guard charge.raise(to: due) else { return false }
        }
        held = sum
        return true
    }

    /// Releases bytes that were reserved.
    package mutating func release(_ bytes: Int) {
        precondition(bytes <= held, "more bytes are released than were reserved")
        let wasCharged = isCharged
        held -= bytes
        if wasCharged { charge.lower(to: max(0, held - limits.freeBytes)) }
    }

    /// A token was accepted on the connection; a repeat does nothing.
    package mutating func trust() {
        guard !isTrusted else { return }
        isTrusted = true
        charge.trust()
    }
}
