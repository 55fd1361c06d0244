public import MartletCore

/// When a failed call is made again, and after which pause.
public struct RetryRule: Sendable {
    /// Calls altogether, the first included.
    ///
    /// At least 1.
    public var attemptsLimit: Int
    /// The first pause is a random part of this; it doubles with each attempt.
    public var base: Duration
    /// No pause is longer.
    public var cap: Duration

    public init(attemptsLimit: Int, base: Duration, cap: Duration) {
        precondition(attemptsLimit >= 1 && base > .zero && cap >= base)
        self.attemptsLimit = attemptsLimit
        self.base = base
        self.cap = cap
    }

    /// The pause before the next attempt, or `nil` when `fault` stands.
    ///
    /// Full jitter: a random fraction of the doubled base, but never less than the callee asked for. Only calls that may be
    /// repeated are, or that never reached their handler, and only when nothing happened or the peer was away; never what our own breaker or bulkhead refused.
    ///
    /// - Parameters:
    ///   - attempt: The one that failed, from 1.
    ///   - fraction: Chance, in 0..<1.
    public func pause(
        after attempt: Int,
        _ fault: Fault,
        isRepeatable: Bool,
        fraction: Double,
        left: Duration?
    ) -> Duration? {
        guard isRepeatable || fault.isNotProcessed, attempt < attemptsLimit, Self.isWorthRetrying(fault) else {
            return nil
        }
        let backoff = Backoff(least: base, most: cap, jitter: .full)
        let pause = max(backoff.pause(after: attempt, fraction: fraction), fault.retryAfter ?? .zero)
        // A pause that outlives the caller's patience is a wait for nothing.
        if let left, left <= pause { return nil }
        return pause <= cap ? pause : nil
    }

    static func isWorthRetrying(_ fault: Fault) -> Bool {
        if fault.cause is CircuitOpen || fault.cause is BulkheadFull { return false }
        return fault.code == .unavailable || fault.outcome == .notDone
    }
}
