/// The limits of callers, by class.
package struct CallerLimits: Sendable {
    /// The share of a limit that may be sent at once, in percent.
    package static let burstPercent = 25
    /// Callers that are counted one by one at a time, in each class: new ones a minute, since each is kept for one.
    package static let callersMax = 65_536

    /// Requests of one caller in a minute, 0 for no limit, else at most `RateLimit.requestsMax`.
    private var requests: [LimitClass: Int] = [:]
    /// 1 to 100.
    package var burstPercent = Self.burstPercent
    /// From 1.
    package var callersMax = Self.callersMax

    package init() {}

    /// Requests of one caller in a minute; 0 for no limit.
    package subscript(limit: LimitClass) -> Int {
        get { requests[limit] ?? Self.standard(limit) }
        set { requests[limit] = newValue }
    }

    /// No limits.
    package static var none: CallerLimits {
        var limits = CallerLimits()
        for limit in LimitClass.allCases { limits[limit] = 0 }
        return limits
    }

    /// The defaults, in requests a minute.
    ///
    /// Low is only the limit of what leaves something behind and is sent without a token. All others are about what
    /// one process of a gateway carries.
    package static func standard(_ limit: LimitClass) -> Int {
        switch limit {
        case .anonymousReads, .identityReads: 120_000
        case .anonymousWrites: 12_000
        case .anonymousCreations: 60
        case .identityWrites: 60_000
        case .rejectedTokens, .unroutedRequests: 30_000
        }
    }

    /// `nil` without a limit.
    func rateLimit(of limit: LimitClass) -> RateLimit? {
        self[limit] == 0 ? nil : RateLimit(requests: self[limit], burstPercent: burstPercent)
    }
}
