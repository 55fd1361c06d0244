public import MartletCore
import Synchronization

/// Injects faults as a seed decides, and counts the injected ones.
///
/// Injects nothing before ``begin()`` and after ``heal()``. Safe to share between tasks.
public final class FaultInjector: Sendable {
    private struct State {
        var isActive = false
        var counts: [SimulatedFault: Int] = [:]
        var opportunities: [SimulatedFault: Int] = [:]
        /// Opportunities that remain until the fault is injected whatever its rate.
        var left: [SimulatedFault: Int] = [:]
    }

    /// The probability of each enabled fault at one opportunity.
    public let rates: [SimulatedFault: Double]
    private let entropy: any Entropy
    private let state = Mutex(State())

    /// - Parameters:
    ///   - rates: In 0...1.
    ///   - first: Every enabled fault is injected once within this many opportunities, whatever its rate.
    ///   - entropy: Decides at each opportunity.
    public init(_ rates: [SimulatedFault: Double], first: Int = 24, entropy: any Entropy) {
        precondition(first >= 1)
        self.rates = rates
        self.entropy = entropy
        let left = rates.keys.sorted().map { ($0, Int(entropy.number(below: UInt64(first)))) }
        state.withLock { $0.left = Dictionary(uniqueKeysWithValues: left) }
    }

    /// How often each fault was injected.
    public var counts: [SimulatedFault: Int] { state.withLock { $0.counts } }

    /// How often each enabled fault could have been injected.
    public var opportunities: [SimulatedFault: Int] { state.withLock { $0.opportunities } }

    public var isActive: Bool { state.withLock { $0.isActive } }

    /// One opportunity for `fault`: true when it is to be injected; it is counted then.
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

    /// Counts a fault that the caller injected itself.
    public func count(_ fault: SimulatedFault) { state.withLock { $0.counts[fault, default: 0] += 1 } }

    /// Enabled faults that were not injected yet are injected at their next opportunity.
    public func forceMissing() {
        state.withLock { state in
            for fault in rates.keys where state.counts[fault] == nil { state.left[fault] = 0 }
        }
    }

    public func begin() { state.withLock { $0.isActive = true } }

    /// Ends the injection of faults.
    public func heal() { state.withLock { $0.isActive = false } }
}
