import MartletContract
import MartletCore
import Synchronization

/// How long the calls of one method usually take, by those that succeeded last.
///
/// A value without a clock; it is read when a call has failed or must wait, so that its statistics need not be fast.
struct UsualTime: Sendable {
    /// Calls that are remembered.
    static let callsLimit = 64
    /// How many times as long as nineteen of twenty calls is unusual.
    static let multiple = 3

    private let least: Duration
    private let most: Duration
    private var durations: [Duration] = []
    private var next = 0

    /// - Parameters:
    ///   - least: No shorter time is unusual, also while nothing is known.
    ///   - most: A longer time is unusual in any case.
    init(least: Duration, most: Duration) {
        self.least = least
        self.most = max(least, most)
    }

    /// A call took so long and succeeded.
    mutating func succeeded(after duration: Duration) {
        if durations.count < Self.callsLimit {
            durations.append(duration)
        } else {
            durations[next] = duration
        }
        next = (next + 1) % Self.callsLimit
    }

    /// What half of the calls take at most; zero while nothing is known.
    var median: Duration { quantile(0.5) }

    /// From this time on a call without an answer may be a failure of its callee.
    var unusual: Duration { min(most, max(least, quantile(0.95) * Self.multiple)) }

    private func quantile(_ share: Double) -> Duration {
        guard !durations.isEmpty else { return .zero }
        return durations.sorted()[Int((Double(durations.count - 1) * share).rounded())]
    }
}

/// The usual times of the methods of one peer.
///
/// Safe to share between tasks. It has an entry for each method of a contract that was called, and none for callers.
final class UsualTimes: Sendable {
    private let policy: CallPolicy
    /// By path.
    private let methods = Mutex<[ExactText: UsualTime]>([:])

    init(_ policy: CallPolicy) { self.policy = policy }

    func succeeded(_ method: MethodDescriptor, after duration: Duration) {
        methods.withLock { $0[ExactText(method.path), default: new].succeeded(after: duration) }
    }

    func median(_ method: MethodDescriptor) -> Duration { time(of: method).median }

    func unusual(_ method: MethodDescriptor) -> Duration { time(of: method).unusual }

    private func time(of method: MethodDescriptor) -> UsualTime {
        methods.withLock { $0[ExactText(method.path)] } ?? new
    }

    private var new: UsualTime { UsualTime(least: policy.usualTimeMin, most: policy.timeout * 3 / 4) }
}
