import Synchronization

/// Fires once and resumes all waiters, earlier and later ones; a cancelled waiter resumes, too.
final class OneShotSignal: Sendable {
    private struct State {
        var fired = false
        var last = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    var hasFired: Bool { state.withLock { $0.fired } }

    func fire() {
        let waiting = state.withLock { state in
            state.fired = true
            defer { state.waiting = [:] }
            return state.waiting.values
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Waits even after its task is cancelled.
    func waitIgnoringCancellation() async {
        await withCheckedContinuation { continuation in
            let resumes = state.withLock { state in
                state.last += 1
                if !state.fired { state.waiting[state.last] = continuation }
                return state.fired
            }
            if resumes { continuation.resume() }
        }
    }

    func wait() async {
        let number = state.withLock { state in
            state.last += 1
            return state.last
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumes = state.withLock { state in
                    if state.fired || Task.isCancelled { return true }
                    state.waiting[number] = continuation
                    return false
                }
                if resumes { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
    }
}
