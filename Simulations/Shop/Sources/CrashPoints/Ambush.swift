import Synchronization

/// The traps of one world at work: decides at each crash point whether the process that passes it ends there.
final class Ambush: Sendable {
    private struct State {
        /// The services in which traps have sprung, in their sequence.
        var sprung: [String] = []
        /// Of the trap that lies now.
        var hits = 0
        var sites: [CrashSite: Int] = [:]
    }

    private let traps: [CrashPlan.Trap]
    private let state = Mutex(State())

    init(_ plan: CrashPlan) { traps = plan.traps }

    /// How often each service passed each point.
    var sites: [CrashSite: Int] { state.withLock { $0.sites } }

    /// How many of the traps have sprung.
    var sprung: Int { state.withLock { $0.sprung.count } }

    func passes(_ point: String, _ service: String) -> Bool {
        state.withLock { state in
            state.sites[CrashSite(service: service, point: point), default: 0] += 1
            guard state.sprung.count < traps.count else { return false }
            let trap = traps[state.sprung.count]
            guard trap.point == point, trap.catches(service, after: state.sprung.last) else { return false }
            state.hits += 1
            guard state.hits == trap.hit else { return false }
            state.hits = 0
            state.sprung.append(service)
            return true
        }
    }
}
