import MartletCore

/// How many requests one caller may send in a minute, and how many of these at once.
///
/// Two rules hold at the same time. No minute, whenever it begins, has more than `requests` accepted: a sliding window,
/// which counts accepted requests in groups of at most a hundredth of the limit (``groupRequests``), so that it is exact
/// up to 100 requests a minute, and accepts less than 1 % too many above. And a token bucket, with the state of GCRA
/// (ITU-T Recommendation I.371, virtual scheduling), holds `burst` requests and regains `requests` a minute.
///
/// So a caller who always sends faster than the limit is accepted at the limit in each minute, and one who sends no
/// faster than it is never refused for the number of requests in a minute.
package struct RateLimit: Sendable, Hashable {
    /// What a limit counts over.
    package static let window = Duration.seconds(60)
    static let windowNanoseconds = window.nanosecondsClamped
    /// The highest limit; at it the bucket regains one request in 6,000 ns, a whole number.
    package static let requestsMax = 10_000_000
    /// Complete groups of requests that one caller may have in a window: 8 bytes each.
    static let groupsMax = 100

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

    /// Requests of one caller that leave the window together: with the last one of them.
    var groupRequests: Int { (requests + Self.groupsMax - 1) / Self.groupsMax }
    /// Accepted in any minute at most: less than 1 % above the limit, by what leaves the window too late.
    var windowRequestsMax: Int { requests + groupRequests - 1 }
    /// In how many nanoseconds the bucket regains one request, rounded down: the window holds the limit anyway.
    var intervalNanoseconds: Int64 { Self.windowNanoseconds / Int64(requests) }
}

extension RateLimit {
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
