import MartletCore

/// When a failed call is retried, and after which delay.
public struct RetryRule: Sendable {
    /// Attempts, the first included.
    ///
    /// At least 1.
    public var attemptsLimit: Int
    /// The first delay is a random fraction of this; it doubles with each attempt.
    public var base: Duration
    /// The longest delay.
    public var cap: Duration

    public init(attemptsLimit: Int, base: Duration, cap: Duration) {
        precondition(attemptsLimit >= 1 && base > .zero && cap >= base)
        self.attemptsLimit = attemptsLimit
        self.base = base
        self.cap = cap
    }

    /// The delay before the next attempt; `nil` for no retry.
    ///
    /// Full jitter: a random fraction of the doubled base, but at least the callee's `retryAfter`. A call is retried
    /// only if it is repeatable or never reached its handler, and only if nothing happened or the peer was
    /// unavailable; never if our own breaker or bulkhead refused it.
    ///
    /// - Parameters:
    ///   - attempt: The one that failed, from 1.
    ///   - fault: Why it failed.
    ///   - isRepeatable: Whether a repeat of a call that reached its handler is safe.
    ///   - fraction: Random, in 0..<1.
    ///   - left: The time until the caller's deadline, without the time of an attempt; `nil` for no deadline.
    func delay(
        after attempt: Int,
        _ fault: Fault,
        isRepeatable: Bool,
        fraction: Double,
        left: Duration?
    ) -> Duration? {
        guard isRepeatable || fault.isNotProcessed, attempt < attemptsLimit, Self.isWorthRetrying(fault) else {
            return nil
        }
        let backoff = Backoff(initial: base, maximum: cap, jitter: .full)
        let delay = max(backoff.delay(after: attempt, fraction: fraction), fault.retryAfter ?? .zero)
        // No retry that cannot end before the caller's deadline.
        if let left, left <= delay { return nil }
        return delay <= cap ? delay : nil
    }

    static func isWorthRetrying(_ fault: Fault) -> Bool {
        if fault.cause is CircuitOpen || fault.cause is BulkheadFull || fault.cause is BulkheadTimeout { return false }
        return fault.code == .unavailable || fault.outcome == .notDone
    }
}
