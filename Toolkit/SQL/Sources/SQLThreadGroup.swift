import Synchronization

/// Counts the running threads of an adapter; lets callers wait for the last one to end.
package final class SQLThreadGroup: Sendable {
    private struct State {
        var running = 0
        var working = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// Threads that run a body now.
    package var working: Int { state.withLock { $0.working } }

    /// A thread begins a body.
    package func begin() { state.withLock { $0.working += 1 } }

    /// A thread has ended a body.
    package func end() { state.withLock { $0.working -= 1 } }

    /// A thread is started.
    package func enter() { state.withLock { $0.running += 1 } }

    /// A thread ends.
    package func leave() {
        let waiting = state.withLock { state in
            state.running -= 1
            defer { if state.running == 0 { state.waiting = [] } }
            return state.running == 0 ? state.waiting : []
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when the last thread has ended.
    package func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                guard state.running > 0 else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }
}
