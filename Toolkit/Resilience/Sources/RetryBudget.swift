import Synchronization

/// Limits retries to a share of the calls, so that retries do not overload a failing peer.
///
/// A token bucket: every first call adds `deposit` tokens, up to `capacity`; every retry takes one, and needs one.
final class RetryBudget: Sendable {
    private let stateMachine: Mutex<StateMachine>

    /// - Parameters:
    ///   - capacity: The most retries in a burst. At least 1.
    ///   - deposit: Retries per call in the long run, 0 to 1.
    init(capacity: Double, deposit: Double) {
        precondition(capacity >= 1 && (0...1).contains(deposit))
        stateMachine = Mutex(StateMachine(capacity: capacity, deposit: deposit))
    }

    func called() { stateMachine.withLock { $0.called() } }

    func takeRetry() -> Bool { stateMachine.withLock { $0.takeRetry() } }
}

extension RetryBudget {
    /// The token bucket, initially full.
    struct StateMachine: Sendable {
        let capacity: Double
        let deposit: Double
        private(set) var tokens: Double

        init(capacity: Double, deposit: Double) {
            self.capacity = capacity
            self.deposit = deposit
            tokens = capacity
        }

        mutating func called() { tokens = min(capacity, tokens + deposit) }

        mutating func takeRetry() -> Bool {
            guard tokens >= 1 else { return false }
            tokens -= 1
            return true
        }
    }
}
