import Dispatch
import Synchronization

/// Holds one body until another one has come to a point, where an engine runs both at once.
///
/// Where one write runs at a time the other body cannot come: the first one continues after ``patience``.
final class Meeting: Sendable {
    /// How long a body waits for the other one.
    static let patience = DispatchTimeInterval.milliseconds(150)

    private let state = Mutex((arrived: false, waited: false))
    private let arrival = DispatchSemaphore(value: 0)

    /// Whether a body has arrived.
    var hasArrived: Bool { state.withLock { $0.arrived } }

    /// Lets the other body continue; a repeat has no effect.
    func arrive() {
        let isFirst = state.withLock { state in
            defer { state.arrived = true }
            return !state.arrived
        }
        if isFirst { arrival.signal() }
    }

    /// Blocks until the other body has arrived; a body that runs again does not wait again.
    func wait() {
        let isFirst = state.withLock { state in
            defer { state.waited = true }
            return !state.waited
        }
        if isFirst { _ = arrival.wait(timeout: .now() + Self.patience) }
    }
}
