import Synchronization

/// Applies the crash plan of one world: decides at each crash point whether the process crashes there.
package final class CrashSchedule: Sendable {
    private struct State {
        /// The services in which rules have fired, in their order.
        var fired: [String] = []
        /// Hits of the current rule.
        var hits = 0
        var sites: [CrashSite: Int] = [:]
    }

    private let rules: [CrashPlan.CrashRule]
    private let state = Mutex(State())

    package init(_ plan: CrashPlan) { rules = plan.rules }

    /// How often each service passed each point.
    package var sites: [CrashSite: Int] { state.withLock { $0.sites } }

    /// How many rules have fired.
    package var fired: Int { state.withLock { $0.fired.count } }

    func shouldCrash(at point: String, in service: String) -> Bool {
        state.withLock { state in
            state.sites[CrashSite(service: service, point: point), default: 0] += 1
            guard state.fired.count < rules.count else { return false }
            let rule = rules[state.fired.count]
            guard rule.point == point, rule.matches(service, after: state.fired.last) else { return false }
            state.hits += 1
            guard state.hits == rule.hit else { return false }
            state.hits = 0
            state.fired.append(service)
            return true
        }
    }
}
