public import MartletCore
import Synchronization

/// Refuses by itself most of the calls that their callee would refuse as too many: a refusal costs the callee work that it cannot
/// do for others then.
///
/// A call is refused with the probability (calls − multiple × taken) / (calls + 1), counted over the last `window`: as much more
/// than the callee takes goes on to it, so that it is seen at once when it takes more again. After *Site Reliability Engineering*
/// (Google 2016), chapter 21, "Client-side throttling"; but a call counts when it is answered, since a slow one is none that was
/// refused.
///
/// Safe to share between tasks. One for each kind of call that a callee refuses apart from others.
public final class AdaptiveThrottle: Sendable {
    private let time: any TimeSource
    private let entropy: any Entropy
    private let machine: Mutex<Machine>

    /// - Parameters:
    ///   - multiple: How many calls go on for each that is taken, over 1.
    ///   - window: How long a call counts; after so long without refusals nothing is refused.
    public init(multiple: Double, window: Duration, time: any TimeSource, entropy: any Entropy) {
        precondition(multiple > 1 && window > .zero)
        self.time = time
        self.entropy = entropy
        machine = Mutex(Machine(multiple: multiple, window: window))
    }

    /// Lets a call go on to its callee; ``answered(isTaken:)`` then says what became of it.
    ///
    /// - Throws: ``CallThrottled``.
    public func admit() throws {
        let (now, fraction) = (time.now, entropy.fraction())
        guard machine.withLock({ $0.admit(at: now, fraction: fraction) }) else { throw CallThrottled() }
    }

    /// - Parameter isTaken: False when the callee refused it as one too many. Nothing is said about a call without an answer.
    public func answered(isTaken: Bool) {
        let now = time.now
        machine.withLock { $0.answered(isTaken: isTaken, at: now) }
    }
}

extension AdaptiveThrottle {
    /// The counts, without clock, chance or lock.
    struct Machine: Sendable {
        private static let slotsCount: Int64 = 10

        private struct Slot {
            var calls = 0
            var taken = 0
        }

        private let multiple: Double
        private let slotNanoseconds: Int64
        /// Parts of the window, by the number of the part modulo their count.
        private var slots = [Slot](repeating: Slot(), count: Int(slotsCount))
        private var latest: Int64 = 0

        init(multiple: Double, window: Duration) {
            self.multiple = multiple
            slotNanoseconds = max(1, window.nanosecondsClamped / Self.slotsCount)
        }

        mutating func admit(at now: Moment, fraction: Double) -> Bool {
            let slot = slot(at: now)
            let calls = slots.reduce(0) { $0 + $1.calls }
            let taken = slots.reduce(0) { $0 + $1.taken }
            let refusal = (Double(calls) - multiple * Double(taken)) / Double(calls + 1)
            guard fraction < refusal else { return true }
            slots[slot].calls += 1
            return false
        }

        mutating func answered(isTaken: Bool, at now: Moment) {
            let slot = slot(at: now)
            slots[slot].calls += 1
            if isTaken { slots[slot].taken += 1 }
        }

        /// Where to count now, with the counts that are too old forgotten.
        private mutating func slot(at now: Moment) -> Int {
            let number = max(latest, now.nanoseconds / slotNanoseconds)
            for passed in max(latest + 1, number - Self.slotsCount + 1)..<(number + 1) {
                slots[Int(passed % Self.slotsCount)] = Slot()
            }
            latest = number
            return Int(number % Self.slotsCount)
        }
    }
}

/// The callee takes on no more calls of this kind, and was not asked.
public struct CallThrottled: FaultConvertible, CallNotMade, Equatable {
    public var fault: Fault {
        Fault(.resourceExhausted, .overloaded, "too much is asked for", retryAfter: .seconds(2), cause: self)
    }
}
