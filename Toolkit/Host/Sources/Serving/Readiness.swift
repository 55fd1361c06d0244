import Synchronization

/// Whether a process accepts requests: only between start and drain.
package final class Readiness: Sendable {
    /// The phase of the process's lifecycle.
    enum State: String, Sendable {
        case starting, serving, draining
    }

    private let state = Mutex(State.starting)

    package init() {}

    var current: State { state.withLock { $0 } }

    /// Moves forward only: `draining` is final.
    func advance(to next: State) {
        state.withLock { state in
            if state != .draining { state = next }
        }
    }
}
