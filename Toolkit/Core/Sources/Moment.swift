/// A point on the monotonic clock of one process: for deadlines and delays; never stored or sent.
public struct Moment: Sendable, Hashable, Comparable {
    /// Nanoseconds since an arbitrary origin of this process.
    public let nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Saturates at the ends of the range.
    public static func + (left: Moment, right: Duration) -> Moment {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.nanosecondsClamped)
        return Moment(nanoseconds: overflow ? (right < .zero ? .min : .max) : sum)
    }

    public static func - (left: Moment, right: Moment) -> Duration {
        .nanoseconds(left.nanoseconds) - .nanoseconds(right.nanoseconds)
    }
}

extension Duration {
    /// The whole nanoseconds, clamped to 64 bits (292 years).
    package var nanosecondsClamped: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }

    /// The whole milliseconds, rounded towards zero.
    package var milliseconds: Int64 { nanosecondsClamped / 1_000_000 }

    /// The whole seconds, rounded up: who waits so long has waited for the whole duration.
    ///
    /// 0 for a negative duration.
    package var secondsRoundedUp: Int64 {
        let (seconds, rest) = max(0, nanosecondsClamped).quotientAndRemainder(dividingBy: 1_000_000_000)
        return rest > 0 ? seconds + 1 : seconds
    }
}
