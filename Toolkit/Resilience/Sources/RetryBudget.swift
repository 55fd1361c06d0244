import Synchronization

/// Limits retries to a share of the calls, so that a sick peer is not buried under repeats.
///
/// Every first call pays `deposit` in, up to `capacity`; every retry takes 1 out, and does not happen when there is less.
public final class RetryBudget: Sendable {
    private let machine: Mutex<Machine>

    /// - Parameters:
    ///   - capacity: The most retries in a burst. At least 1.
    ///   - deposit: Retries per call in the long run, 0 to 1.
    public init(capacity: Double, deposit: Double) {
        precondition(capacity >= 1 && (0...1).contains(deposit))
        machine = Mutex(Machine(capacity: capacity, deposit: deposit))
    }

    func called() { machine.withLock { $0.called() } }

    func takeRetry() -> Bool { machine.withLock { $0.takeRetry() } }
}

extension RetryBudget {
    /// The account, starting full.
    struct Machine: Sendable {
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
