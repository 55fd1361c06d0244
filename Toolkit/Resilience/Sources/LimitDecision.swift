package import MartletCore

/// What was decided about a request of a caller, as its response states it.
package struct LimitDecision: Sendable {
    let limit: LimitClass
    let rate: RateLimit.Decision

    package var isAccepted: Bool { rate.isAccepted }

    /// - Throws: `Fault` with `resourceExhausted` and the reason `rateLimited` for a refused request.
    package func requireAccepted() throws(Fault) {
        guard !rate.isAccepted else { return }
        throw Fault(
            .resourceExhausted,
            .rateLimited,
            "at most \(rate.limit.requests) requests a minute of the class \(limit.rawValue), \(rate.limit.burst) at once",
            retryAfter: rate.untilNext,
            cause: NotProcessed()
        )
    }

    /// The value of `RateLimit-Policy`: the limit, by draft-ietf-httpapi-ratelimit-headers-11.
    package var policyField: String {
        "\"\(limit.rawValue)\";q=\(rate.limit.requests);w=\(RateLimit.window.secondsRoundedUp)"
    }

    /// The value of `RateLimit`, by the same draft: how many more are accepted at once, and how many seconds later the
    /// whole burst is; after a refusal, when the next one is, as in `Retry-After`.
    package var limitField: String {
        let wait = rate.isAccepted ? rate.untilFull : rate.untilNext
        return "\"\(limit.rawValue)\";r=\(rate.remaining);t=\(max(1, wait.secondsRoundedUp))"
    }
}

extension Reason {
    /// The caller has sent more requests than its limit.
    package static let rateLimited: Reason = "rate_limited"
}
