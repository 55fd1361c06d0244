package import MartletCore
import Synchronization

/// Refuses locally most of the calls that an overloaded callee would refuse, since each refusal costs the callee
/// capacity.
///
/// A call is refused with the probability (calls − multiple × accepted) / (calls + 1), counted over the last
/// `window`. More calls than are accepted still reach the callee, so that its recovery is noticed soon. After *Site
/// Reliability Engineering* (Google 2016), chapter 21, "Client-side throttling"; but a call counts when its response
/// arrives, since a slow call was not refused.
///
/// Each caller is counted by itself, with those of the same hash, so that a flood of one caller's refused calls does not
/// refuse another's. Only what the callee refuses because *it* is overloaded counts, not what it refuses because of the
/// caller.
///
/// Safe to share between tasks. Use one for each kind of call that the callee limits separately.
package final class AdaptiveThrottle: Sendable {
    /// Callers are counted in so many groups, by the hash of their names, so that the memory is bounded.
    static let groupsCount = 64

    private let multiple: Double
    private let window: Duration
    private let runtime: Runtime
    private let groups = Mutex<[Int: StateMachine]>([:])

    /// - Parameters:
    ///   - multiple: Calls let through for each accepted one, over 1.
    ///   - window: How long a call counts; after a window without refusals nothing is refused.
    ///   - runtime: The clocks and the random numbers.
    package init(multiple: Double, window: Duration, runtime: Runtime) {
        precondition(multiple > 1 && window > .zero)
        self.multiple = multiple
        self.window = window
        self.runtime = runtime
    }

    /// Admits a call; its caller reports the response to ``record(isAccepted:for:)``.
    ///
    /// - Throws: ``CallThrottled``.
    package func admit(_ caller: ExactText) throws {
        let (now, fraction) = (runtime.time.now, runtime.entropy.fraction())
        guard change(caller, { $0.admit(at: now, fraction: fraction) }) else { throw CallThrottled() }
    }

    /// - Parameters:
    ///   - isAccepted: False when the callee refused the call as overload. A call without a response is not reported.
    ///   - caller: As it was admitted.
    package func record(isAccepted: Bool, for caller: ExactText) {
        let now = runtime.time.now
        change(caller) { $0.record(isAccepted: isAccepted, at: now) }
    }

    private func change<R: Sendable>(_ caller: ExactText, _ body: (inout StateMachine) -> R) -> R {
        groups.withLock { groups in
            body(&groups[caller.slot(of: Self.groupsCount), default: StateMachine(multiple: multiple, window: window)])
        }
    }
}

extension AdaptiveThrottle {
    /// The counters, without clock, entropy or lock.
    struct StateMachine: Sendable {
        private static let slotsCount: Int64 = 10

        private struct Slot {
            var calls = 0
            var accepted = 0
        }

        private let multiple: Double
        private let slotNanoseconds: Int64
        /// Slots of the window, by slot number modulo their count.
        private var slots = [Slot](repeating: Slot(), count: Int(slotsCount))
        private var latest: Int64 = 0

        init(multiple: Double, window: Duration) {
            self.multiple = multiple
            slotNanoseconds = max(1, window.nanosecondsClamped / Self.slotsCount)
        }

        mutating func admit(at now: Moment, fraction: Double) -> Bool {
            let slot = slot(at: now)
            let calls = slots.reduce(0) { $0 + $1.calls }
            let accepted = slots.reduce(0) { $0 + $1.accepted }
            let refusal = (Double(calls) - multiple * Double(accepted)) / Double(calls + 1)
            guard fraction < refusal else { return true }
            slots[slot].calls += 1
            return false
        }

        mutating func record(isAccepted: Bool, at now: Moment) {
            let slot = slot(at: now)
            slots[slot].calls += 1
            if isAccepted { slots[slot].accepted += 1 }
        }

        /// The current slot, after expired slots are reset.
        private mutating func slot(at now: Moment) -> Int {
            let number = max(latest, now.nanoseconds / slotNanoseconds)
            for expired in max(latest + 1, number - Self.slotsCount + 1)..<(number + 1) {
                slots[Int(expired % Self.slotsCount)] = Slot()
            }
            latest = number
            return Int(number % Self.slotsCount)
        }
    }
}

/// The throttle refused the call: the callee is overloaded and was not called.
struct CallThrottled: FaultConvertible, CallNotMade, Equatable {
    var fault: Fault {
        Fault(.resourceExhausted, .overloaded, "too many requests", retryAfter: .seconds(2), cause: self)
    }
}
