import MartletCore

/// How many requests one caller may send in a minute, and how many of these at once.
///
/// A token bucket, with the state of GCRA (ITU-T Recommendation I.371, virtual scheduling): the bucket holds `burst`
/// requests and regains `requests` a minute. In addition no more than `requests` are accepted until the bucket is full
/// again. Without this rule, the first minute of an overload would accept the burst besides the limit; with it, each
/// minute of a constant overload accepts the limit, and in the long run a caller never gets more. The worst minute, of a
/// caller who aims at it, has `burst` more: it lies across the moment at which the bucket becomes full.
///
/// Times are whole nanoseconds, and counts are multiplied before they are divided: nothing drifts.
package struct RateLimit: Sendable, Hashable {
    /// What a limit counts over.
    package static let window = Duration.seconds(60)
    static let windowNanoseconds = window.nanosecondsClamped
    /// The highest limit; its product with a window is far from the end of 64 bits.
    package static let requestsMax = 10_000_000

    /// Accepted in a minute.
    package let requests: Int
    /// Of these, accepted at once from a caller who has sent nothing for a while.
    package let burst: Int

    /// - Parameters:
    ///   - requests: 1 to ``requestsMax``.
    ///   - burst: 1 to `requests`.
    package init(requests: Int, burst: Int) {
        precondition(1...Self.requestsMax ~= requests && 1...requests ~= burst)
        self.requests = requests
        self.burst = burst
    }

    /// A limit whose burst is a share of it, and at least one request.
    ///
    /// - Parameters:
    ///   - requests: 1 to ``requestsMax``.
    ///   - burstPercent: 1 to 100.
    package init(requests: Int, burstPercent: Int) {
        precondition(1...100 ~= burstPercent)
        self.init(requests: requests, burst: max(1, requests * burstPercent / 100))
    }
}

extension RateLimit {
    /// What one caller has used of a limit; the initial value has used nothing.
    struct Usage: Sendable, Hashable {
        /// When the bucket was full for the last time, in nanoseconds.
        private var since: Int64 = 0
        /// Accepted since then.
        private var accepted: Int64 = 0

        /// Whether nothing is used any more: such a state is that of a caller who was never seen.
        func isFull(at now: Moment, _ limit: RateLimit) -> Bool { untilFull(at: now, limit) <= 0 }

        /// Counts a request when it is accepted.
        mutating func admit(at now: Moment, _ limit: RateLimit) -> Decision {
            if isFull(at: now, limit) {
                since = now.nanoseconds
                accepted = 0
            }
            let isAccepted = remaining(at: now, limit) > 0
            if isAccepted { accepted += 1 }
            return decision(at: now, limit, isAccepted: isAccepted)
        }

        /// What would be decided about a request, without counting it.
        func check(at now: Moment, _ limit: RateLimit) -> Decision {
            var copy = self
            if copy.isFull(at: now, limit) { copy.accepted = 0 }
            return copy.decision(at: now, limit, isAccepted: copy.remaining(at: now, limit) > 0)
        }

        private func decision(at now: Moment, _ limit: RateLimit, isAccepted: Bool) -> Decision {
            Decision(
                limit: limit,
                isAccepted: isAccepted,
                remaining: Int(remaining(at: now, limit)),
                untilNext: .nanoseconds(max(0, untilNext(at: now, limit))),
                untilFull: .nanoseconds(max(0, untilFull(at: now, limit)))
            )
        }

        /// How many more are accepted at once.
        private func remaining(at now: Moment, _ limit: RateLimit) -> Int64 {
            let (requests, burst) = (Int64(limit.requests), Int64(limit.burst))
            let regained = elapsed(at: now) * requests / RateLimit.windowNanoseconds
            return max(0, min(requests - accepted, burst - max(0, accepted - regained)))
        }

        private func untilFull(at now: Moment, _ limit: RateLimit) -> Int64 {
            time(for: accepted, limit) - elapsed(at: now)
        }

        private func untilNext(at now: Moment, _ limit: RateLimit) -> Int64 {
            guard accepted < limit.requests else { return untilFull(at: now, limit) }
            return time(for: accepted + 1 - Int64(limit.burst), limit) - elapsed(at: now)
        }

        /// The time in which so many are regained, rounded up.
        private func time(for count: Int64, _ limit: RateLimit) -> Int64 {
            let requests = Int64(limit.requests)
            return (max(0, count) * RateLimit.windowNanoseconds + requests - 1) / requests
        }

        /// At most a window: then the bucket is full.
        private func elapsed(at now: Moment) -> Int64 {
            // The clock does not run backwards, but two threads may be late with its readings.
            let (elapsed, overflow) = now.nanoseconds.subtractingReportingOverflow(since)
            return overflow ? RateLimit.windowNanoseconds : min(max(0, elapsed), RateLimit.windowNanoseconds)
        }
    }

    /// What was decided about a request.
    package struct Decision: Sendable, Hashable {
        package let limit: RateLimit
        package let isAccepted: Bool
        /// How many more are accepted at once.
        package let remaining: Int
        /// How long until one more is accepted; zero when one is accepted now.
        package let untilNext: Duration
        /// How long until a caller who sends nothing more has the whole burst again.
        package let untilFull: Duration
    }
}
