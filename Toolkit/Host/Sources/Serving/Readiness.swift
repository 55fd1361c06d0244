import Synchronization

/// Whether a process accepts requests: only between start and drain, and while nothing that it needs is missing.
package final class Readiness: Sendable {
    /// The phase of the process's lifecycle.
    enum State: String, Sendable {
        case starting, serving, draining
    }

    /// Returns what prevents the process from doing its work, in a few words for callers; `nil` for nothing.
    package typealias Check = @Sendable () -> String?

    private let state = Mutex(State.starting)
    private let checks = Mutex<[Check]>([])

    package init() {}

    var current: State { state.withLock { $0 } }

    /// Adds a check, which runs with each query of ``problem``: it must not block for long.
    package func add(_ check: @escaping Check) { checks.withLock { $0.append(check) } }

    /// What the first failed check has found; `nil` when all pass.
    package var problem: String? {
        let checks = checks.withLock { $0 }
        return checks.lazy.compactMap { $0() }.first
    }

    /// Moves forward only: `draining` is final.
    func advance(to next: State) {
        state.withLock { state in
            if state != .draining { state = next }
        }
    }
}
