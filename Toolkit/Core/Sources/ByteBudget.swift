import Synchronization

/// How many bytes of requests and responses in flight all connections of a process may hold together.
///
/// Safe to share between threads: a decision costs two atomic additions. Connections without an accepted token share a
/// part of it, so that they cannot spend what callers with tokens need.
package final class ByteBudget: Sendable {
    /// What all connections may hold.
    package let bytesMax: Int
    /// Of these: what connections without an accepted token may hold.
    package let untrustedBytesMax: Int
    private let used = Atomic(0)
    private let untrusted = Atomic(0)
    private let highest = Atomic(0)

    package init(bytesMax: Int, untrustedBytesMax: Int) {
        precondition(bytesMax > 0 && 0...bytesMax ~= untrustedBytesMax)
        self.bytesMax = bytesMax
        self.untrustedBytesMax = untrustedBytesMax
    }

    /// The bytes that are held now.
    package var held: Int { used.load(ordering: .relaxed) }

    /// The most bytes that were held at a time since the last call.
    package func takePeak() -> Int { max(highest.exchange(held, ordering: .relaxed), held) }

    /// - Returns: False when there is not enough left; then nothing is reserved.
    func reserve(_ bytes: Int, isTrusted: Bool) -> Bool {
        guard isTrusted || Self.add(bytes, to: untrusted, upTo: untrustedBytesMax) else { return false }
        guard Self.add(bytes, to: used, upTo: bytesMax) else {
            if !isTrusted { untrusted.wrappingSubtract(bytes, ordering: .relaxed) }
            return false
        }
        let now = held
        // Two threads may race here; the peak is then too low by what one of them has reserved.
        if now > highest.load(ordering: .relaxed) { highest.store(now, ordering: .relaxed) }
        return true
    }

    func release(_ bytes: Int, isTrusted: Bool) {
        used.wrappingSubtract(bytes, ordering: .relaxed)
        if !isTrusted { untrusted.wrappingSubtract(bytes, ordering: .relaxed) }
    }

    /// The connection that holds these bytes has presented an accepted token.
    func trust(_ bytes: Int) { untrusted.wrappingSubtract(bytes, ordering: .relaxed) }

    private static func add(_ bytes: Int, to counter: borrowing Atomic<Int>, upTo limit: Int) -> Bool {
        let sum = counter.wrappingAdd(bytes, ordering: .relaxed).newValue
        if sum <= limit { return true }
        counter.wrappingSubtract(bytes, ordering: .relaxed)
        return false
    }
}

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

    private let budget: ByteBudget
    private let limits: Limits
    /// Bytes that the connection holds.
    package private(set) var held = 0
    /// Of these, the bytes that were reserved in the budget of the process.
    private var charged = 0
    /// Whether a token was accepted on the connection.
    package private(set) var isTrusted = false

    package init(of budget: ByteBudget, limits: Limits) {
        self.budget = budget
        self.limits = limits
    }

    deinit { budget.release(charged, isTrusted: isTrusted) }

    /// - Returns: False when the connection, or the process, would hold too much; then nothing is reserved.
    package mutating func reserve(_ bytes: Int) -> Bool {
        let (sum, overflow) = held.addingReportingOverflow(bytes)
        guard !overflow, sum <= (isTrusted ? limits.bytesMax : limits.untrustedBytesMax) else { return false }
        let due = sum - limits.freeBytes - charged
        if due > 0 {
            guard budget.reserve(due, isTrusted: isTrusted) else { return false }
            charged += due
        }
        held = sum
        return true
    }

    /// Releases bytes that were reserved.
    package mutating func release(_ bytes: Int) {
        precondition(bytes <= held, "more bytes are released than were reserved")
        held -= bytes
        let excess = charged - max(0, held - limits.freeBytes)
        guard excess > 0 else { return }
        charged -= excess
        budget.release(excess, isTrusted: isTrusted)
    }

    /// A token was accepted on the connection; a repeat does nothing.
    package mutating func trust() {
        guard !isTrusted else { return }
        isTrusted = true
        budget.trust(charged)
    }
}
