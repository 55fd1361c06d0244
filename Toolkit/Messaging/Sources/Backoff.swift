package import MartletCore

/// Pauses that double from `least` to `most`, each drawn from the upper half of its range, so that many do not return at once.
package struct Backoff: Sendable, Hashable {
    package let least: Duration
    package let most: Duration

    package init(least: Duration, most: Duration) {
        precondition(least > .zero && most >= least)
        self.least = least
        self.most = most
    }

    /// The pause after the `attempt`-th failure in a row, from 1.
    package func pause(after attempt: Int, _ entropy: any Entropy) -> Duration {
        let doublings = min(max(attempt, 1) - 1, 30)
        let full = min(least * (1 << doublings), most)
        return full / 2 + .nanoseconds(Int64(Double((full / 2).nanosecondsClamped) * entropy.fraction()))
    }
}
