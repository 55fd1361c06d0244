/// Delays that grow with each failure in a row up to a limit, with jitter, so that clients do not retry simultaneously.
///
/// The kinds of jitter are those of Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
package struct Backoff: Sendable, Hashable {
    /// The random part of a delay.
    package enum Jitter: Sendable, Hashable {
        /// Between zero and the whole delay: spreads retries over the widest range.
        case full
        /// Between half and the whole delay: never immediate.
        case equal
        /// 20 % less or more, as gRPC clients spread reconnects.
        case fifth
    }

    package let initial: Duration
    package let maximum: Duration
    /// The factor from one delay to the next.
    package let growth: Double
    package let jitter: Jitter

    /// - Parameters:
    ///   - initial: The first delay; zero for none.
    ///   - maximum: The longest delay, before a jitter that adds to it.
    ///   - growth: Above 1.
    package init(initial: Duration, maximum: Duration, growth: Double = 2, jitter: Jitter = .equal) {
        precondition(initial >= .zero && maximum >= initial && growth > 1)
        self.initial = initial
        self.maximum = maximum
        self.growth = growth
        self.jitter = jitter
    }

    /// The delay after the `attempt`-th failure in a row, from 1, without jitter.
    package func nominal(after attempt: Int) -> Duration {
        var delay = initial
        var left = attempt - 1
        while left > 0, delay > .zero, delay < maximum {
            delay = delay * growth
            left -= 1
        }
        return min(delay, maximum)
    }

    /// The delay after the `attempt`-th failure in a row, from 1, with jitter.
    ///
    /// - Parameter fraction: Random, in 0..<1.
    package func delay(after attempt: Int, fraction: Double) -> Duration {
        let share =
            switch jitter {
            case .full: fraction
            case .equal: 0.5 + 0.5 * fraction
            case .fifth: 0.8 + 0.4 * fraction
            }
        return nominal(after: attempt) * share
    }

    /// The delay after the `attempt`-th failure in a row, from 1, with jitter.
    package func delay(after attempt: Int, _ entropy: any Entropy) -> Duration {
        delay(after: attempt, fraction: entropy.fraction())
    }
}
