import Synchronization

/// Whether a process wants work: not before it serves, and not while it drains.
public final class Readiness: Sendable {
    /// Where the process is in its life.
    public enum State: String, Sendable {
        case starting, serving, draining
    }

    private let state = Mutex(State.starting)

    public init() {}

    public var current: State { state.withLock { $0 } }

    /// Goes forward only: who drains does not serve again.
    func advance(to next: State) {
        state.withLock { state in
            if state != .draining { state = next }
        }
    }
}
