package import MartletCore
import Synchronization

/// Limits retries to a share of the calls, so that retries do not overload a failing peer.
///
/// A token bucket: every first call adds `deposit` tokens, up to `capacity`; every retry takes one, and needs one. Each
/// caller has a bucket beside it, of a quarter of the capacity, from which its retries take a token as well: in the long
/// run no caller takes more than its own calls have added.
package final class RetryBudget: Sendable {
    private let stateMachine: Mutex<StateMachine>

    /// - Parameters:
    ///   - capacity: The most retries in a burst. At least 1.
    ///   - deposit: Retries per call in the long run, 0 to 1.
    package init(capacity: Double, deposit: Double) {
        precondition(capacity >= 1 && (0...1).contains(deposit))
        stateMachine = Mutex(StateMachine(capacity: capacity, deposit: deposit))
    }

    package func called(by caller: ExactText) { stateMachine.withLock { $0.called(by: caller) } }

    package func takeRetry(for caller: ExactText) -> Bool { stateMachine.withLock { $0.takeRetry(for: caller) } }
}

extension RetryBudget {
    /// The token buckets, initially full.
    struct StateMachine: Sendable {
        /// Callers share so many buckets, by the hash of their names, so that the memory is bounded.
        static let sharesCount = 64

        let capacity: Double
        let deposit: Double
        private(set) var tokens: Double
        private var shares: [Double]

        init(capacity: Double, deposit: Double) {
            self.capacity = capacity
            self.deposit = deposit
            tokens = capacity
            shares = Array(repeating: max(1, capacity / 4), count: Self.sharesCount)
        }

        mutating func called(by caller: ExactText) {
            tokens = min(capacity, tokens + deposit)
            let share = caller.slot(of: Self.sharesCount)
            shares[share] = min(max(1, capacity / 4), shares[share] + deposit)
        }

        mutating func takeRetry(for caller: ExactText) -> Bool {
            let share = caller.slot(of: Self.sharesCount)
            guard tokens >= 1, shares[share] >= 1 else { return false }
            tokens -= 1
            shares[share] -= 1
            return true
        }
    }
}

extension ExactText {
    /// A number below `count`, the same in every process: a caller is counted with those of the same number.
    ///
    /// Callers without a token, who are one and may be many, share theirs with no other caller.
    func slot(of count: Int) -> Int {
        if isEmpty { return 0 }
        var hash = FNV1a()
        hash.add(text)
        return 1 + Int(hash.value % UInt64(count - 1))
    }
}
