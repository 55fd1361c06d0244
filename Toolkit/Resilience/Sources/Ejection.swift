import MartletCore

/// Whether an instance is left out since it keeps failing: a value without clock, lock or task.
struct Ejection: Sendable {
    private let policy: InstancePolicy
    /// Failures in a row.
    private var failures = 0
    /// Ejections since the last success.
    private var times = 0
    /// When the last ejection ends; `nil` after a success.
    private(set) var until: Moment?

    init(_ policy: InstancePolicy) { self.policy = policy }

    /// The instance has answered a call: it is back, also before its time.
    mutating func succeeded() { self = Ejection(policy) }

    mutating func failed(at now: Moment) {
        failures += 1
        guard failures >= policy.failuresLimit else { return }
        // Calls that were out when it was ejected show nothing new.
        if let until, now < until { return }
        until = now + min(policy.ejectionMax, policy.ejectionMin * (1 << min(times, 16)))
        times += 1
    }
}
