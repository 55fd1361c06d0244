import Synchronization

/// Happens once; whoever waits, before or after, goes on; a waiter that is cancelled does, too.
final class Signal: Sendable {
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
    func waitStubbornly() async {
        await withCheckedContinuation { continuation in
            let goesOn = state.withLock { state in
                state.last += 1
                if !state.fired { state.waiting[state.last] = continuation }
                return state.fired
            }
            if goesOn { continuation.resume() }
        }
    }

    func wait() async {
        let number = state.withLock { state in
            state.last += 1
            return state.last
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if state.fired || Task.isCancelled { return true }
                    state.waiting[number] = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
    }
}
