import MartletCore

/// Decides when the tokens of services are written anew: long before they end, within a second of a step of the wall clock,
/// and again after a failure.
///
/// After a step back their time of issue is in the future, after one forward they may have ended.
struct TokenRenewal: Sendable, Equatable {
    /// How long tokens are used.
    static let interval = Duration.seconds(12 * 3_600)
    /// How soon a failed renewal is repeated.
    static let retry = Duration.seconds(60)
    /// How often the clocks are compared.
    static let checkInterval = Duration.milliseconds(500)
    /// A difference of the two clocks that is a step, and no correction of their speed.
    static let stepMin = Duration.seconds(1)

    private let writtenAt: Moment
    private let writtenDate: Timestamp
    /// Until when a failed renewal waits; `nil` while none has failed.
    private var waitsUntil: Moment?

    init(writtenAt now: Moment, date: Timestamp) {
        writtenAt = now
        writtenDate = date
    }

    /// Whether the last renewal has failed.
    var hasFailed: Bool { waitsUntil != nil }

    func isDue(at now: Moment, date: Timestamp) -> Bool {
        if let waitsUntil { return now >= waitsUntil }
        let passed = now - writtenAt
        let step = Duration.microseconds(date.microseconds - writtenDate.microseconds) - passed
        return passed >= Self.interval || step >= Self.stepMin || step <= .zero - Self.stepMin
    }

    mutating func failed(at now: Moment) { waitsUntil = now + Self.retry }
}
