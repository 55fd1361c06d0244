/// Open deadlines that are watched by a single timer, instead of one timer for each.
///
/// Each adds and removes one entry; only a deadline earlier than the timer's reschedules the timer. The state behind the
/// timers, without a clock.
package struct DeadlineSweep: Sendable {
    private var deadlines: [UInt64: Moment] = [:]
    /// When the timer fires; `nil` while no timer is needed.
    package private(set) var armed: Moment?

    package init() {}

    /// - Returns: When the timer must now fire, `nil` when it stays as it is.
    package mutating func add(_ number: UInt64, until deadline: Moment) -> Moment? {
        deadlines[number] = deadline
        if let armed, armed <= deadline { return nil }
        armed = deadline
        return deadline
    }

    package mutating func remove(_ number: UInt64) { deadlines[number] = nil }

    /// The timer has fired.
    ///
    /// - Returns: The numbers of the deadlines that have passed, oldest first, and when the timer must fire again.
    package mutating func fire(at now: Moment) -> (expired: [UInt64], next: Moment?) {
        let expired = deadlines.filter { $0.value <= now }.keys.sorted()
        for number in expired { deadlines[number] = nil }
        armed = deadlines.values.min()
        return (expired, armed)
    }
}
