package import MartletCore
package import MartletTelemetry

/// Limits the requests of callers by their address and by their identity, each class for itself.
///
/// Safe to share between tasks.
package struct CallerLimiter: Sendable {
    private struct Limiter {
        let limiter: RateLimiter
        let refusals: Counter
    }

    private let keys: CallerKeys
    private let limiters: [LimitClass: Limiter]

    /// - Parameters:
    ///   - limits: Those of each class.
    ///   - metrics: Where refusals are counted, by class.
    ///   - runtime: The clocks and the random numbers.
    package init(_ limits: CallerLimits, metrics: MetricsRegistry, runtime: Runtime) {
        keys = CallerKeys(runtime.entropy)
        var limiters: [LimitClass: Limiter] = [:]
        for limit in LimitClass.allCases {
            guard let rate = limits.rateLimit(of: limit) else { continue }
            limiters[limit] = Limiter(
                limiter: RateLimiter(rate, callersMax: limits.callersMax, time: runtime.time),
                refusals: metrics.counter(
                    "martlet_rate_limited_total",
                    help: "Requests refused because their caller sent too many.",
                    labels: ["class": limit.rawValue]
                )
            )
        }
        self.limiters = limiters
    }

    /// Counts a request of an address.
    ///
    /// - Returns: What was decided; accepted or not, it belongs into the response. `nil` when the class has no limit.
    package func admit(_ address: IPAddress?, to limit: LimitClass) -> LimitDecision? {
        decide(limit) { $0.admit(keys.key(of: address)) }
    }

    /// Counts a request of an identity, as one of an address.
    package func admit(_ principal: Principal, to limit: LimitClass) -> LimitDecision? {
        decide(limit) { $0.admit(keys.key(of: principal)) }
    }

    /// What would be decided about a request of an address, without counting it unless it is refused.
    package func check(_ address: IPAddress?, of limit: LimitClass) -> LimitDecision? {
        decide(limit) { $0.check(keys.key(of: address)) }
    }

    private func decide(_ limit: LimitClass, _ body: (RateLimiter) -> RateLimit.Decision) -> LimitDecision? {
        guard let limiter = limiters[limit] else { return nil }
        let decision = LimitDecision(limit: limit, rate: body(limiter.limiter))
        if !decision.rate.isAccepted { limiter.refusals.add() }
        return decision
    }
}
