public import MartletCore
import Synchronization

/// Decides by a seed which faults happen when, and counts those that did.
///
/// Nothing goes wrong before ``begin()`` and after ``heal()``. Safe to share between tasks.
public final class FaultInjector: Sendable {
    private struct State {
        var isActive = false
        var counts: [SimulatedFault: Int] = [:]
        var opportunities: [SimulatedFault: Int] = [:]
        /// Opportunities until the first one happens for certain.
        var left: [SimulatedFault: Int] = [:]
    }

    /// Of each enabled fault, how likely it is at one opportunity.
    public let rates: [SimulatedFault: Double]
    private let entropy: any Entropy
    private let state = Mutex(State())

    /// - Parameters:
    ///   - rates: In 0...1.
    ///   - first: A fault that is enabled happens at one of so many first opportunities, whatever its rate.
    public init(_ rates: [SimulatedFault: Double], first: Int = 24, entropy: any Entropy) {
        precondition(first >= 1)
        self.rates = rates
        self.entropy = entropy
        let left = rates.keys.sorted().map { ($0, Int(entropy.number(below: UInt64(first)))) }
        state.withLock { $0.left = Dictionary(uniqueKeysWithValues: left) }
    }

    /// What happened, and how often.
    public var counts: [SimulatedFault: Int] { state.withLock { $0.counts } }

    /// How often each enabled fault could have happened.
    public var opportunities: [SimulatedFault: Int] { state.withLock { $0.opportunities } }

    public var isActive: Bool { state.withLock { $0.isActive } }

    /// One opportunity for `fault`: true when it is to happen, and then it is counted.
    public func happens(_ fault: SimulatedFault) -> Bool {
        guard let rate = rates[fault] else { return false }
        return state.withLock { state in
            guard state.isActive else { return false }
            state.opportunities[fault, default: 0] += 1
            let left = state.left[fault] ?? -1
            state.left[fault] = left - 1
            guard left == 0 || entropy.fraction() < rate else { return false }
            state.counts[fault, default: 0] += 1
            return true
        }
    }

    /// Counts a fault that somebody else brought about.
    public func count(_ fault: SimulatedFault) { state.withLock { $0.counts[fault, default: 0] += 1 } }

    /// Enabled faults that have not happened yet do so at their next opportunity.
    public func insist() {
        state.withLock { state in
            for fault in rates.keys where state.counts[fault] == nil { state.left[fault] = 0 }
        }
    }

    public func begin() { state.withLock { $0.isActive = true } }

    /// From now on nothing goes wrong any more.
    public func heal() { state.withLock { $0.isActive = false } }
}
