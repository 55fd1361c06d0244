/// Pauses that grow with each failure in a row up to a limit, with a part of them left to chance, so that many do not return at once.
///
/// The kinds of jitter are those of Marc Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015).
package struct Backoff: Sendable, Hashable {
    /// Which share of the whole pause is waited, from none of chance to all of it.
    package enum Jitter: Sendable, Hashable {
        /// Between nothing and the whole pause: who meets the fewest others.
        case full
        /// Between half and the whole pause: never at once.
        case equal
        /// A fifth less or more, as gRPC spreads the connections of its clients.
        case fifth
    }

    package let least: Duration
    package let most: Duration
    /// By how much each pause is longer than the one before.
    package let growth: Double
    package let jitter: Jitter

    /// - Parameters:
    ///   - least: The first pause; zero for none at all.
    ///   - most: No pause is longer, but for a jitter that adds to it.
    ///   - growth: Above 1.
    package init(least: Duration, most: Duration, growth: Double = 2, jitter: Jitter = .equal) {
        precondition(least >= .zero && most >= least && growth > 1)
        self.least = least
        self.most = most
        self.growth = growth
        self.jitter = jitter
    }

    /// The whole pause after the `attempt`-th failure in a row, from 1, before chance has taken its part.
    package func whole(after attempt: Int) -> Duration {
        var pause = least
        var left = attempt - 1
        while left > 0, pause > .zero, pause < most {
            pause = pause * growth
            left -= 1
        }
        return min(pause, most)
    }

    /// The pause after the `attempt`-th failure in a row, from 1.
    ///
    /// - Parameter fraction: Chance, in 0..<1.
    package func pause(after attempt: Int, fraction: Double) -> Duration {
        let share =
            switch jitter {
            case .full: fraction
            case .equal: 0.5 + 0.5 * fraction
            case .fifth: 0.8 + 0.4 * fraction
            }
        return whole(after: attempt) * share
    }

    /// The pause after the `attempt`-th failure in a row, from 1.
    package func pause(after attempt: Int, _ entropy: any Entropy) -> Duration {
        pause(after: attempt, fraction: entropy.fraction())
    }
}
