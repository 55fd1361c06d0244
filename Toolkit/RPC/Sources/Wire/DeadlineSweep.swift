import MartletCore

/// The deadlines of the open calls of one event loop, watched by a single timer instead of one timer for each call.
///
/// Each call adds and removes one entry; only a deadline earlier than the timer's reschedules the timer.
struct DeadlineSweep {
    private var deadlines: [UInt64: Moment] = [:]
    /// When the timer fires; `nil` while no timer is needed.
    private(set) var armed: Moment?

    /// - Returns: When the timer must now fire, `nil` when it stays as it is.
    mutating func add(_ call: UInt64, until deadline: Moment) -> Moment? {
        deadlines[call] = deadline
        if let armed, armed <= deadline { return nil }
        armed = deadline
        return deadline
    }

    mutating func remove(_ call: UInt64) { deadlines[call] = nil }

    /// The timer has fired.
    ///
    /// - Returns: The expired calls, oldest first, and when the timer must fire again.
    mutating func fire(at now: Moment) -> (expired: [UInt64], next: Moment?) {
        let expired = deadlines.filter { $0.value <= now }.keys.sorted()
        for call in expired { deadlines[call] = nil }
        armed = deadlines.values.min()
        return (expired, armed)
    }
}
