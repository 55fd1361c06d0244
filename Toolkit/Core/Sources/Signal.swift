import Synchronization

/// Wakes one waiting task.
///
/// A signal raised while no task waits is stored for the next wait.
package final class Signal: Sendable {
    private struct State {
        var raised = false
        var waiter: CheckedContinuation<Void, Never>?
        /// The number of the waiter, or of the last one.
        var wait: UInt64 = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Wakes the waiting task, or lets the next wait return immediately.
    ///
    /// Does not block; safe to call anywhere.
    package func raise() {
        let waiter = state.withLock { state in
            let waiter = state.waiter
            state.waiter = nil
            state.raised = waiter == nil
            return waiter
        }
        waiter?.resume()
    }

    /// Suspends until the signal is raised.
    ///
    /// One task waits at a time; a second one wakes the first.
    ///
    /// - Throws: `CancellationError`.
    package func wait() async throws { try await wait(untilSystem: nil) }

    /// Suspends until the signal is raised or `moment` has come; without a time limit when it is `nil`.
    ///
    /// With the system's clock it costs no timer and no other task, and may return some milliseconds late.
    ///
    /// - Throws: `CancellationError`.
    package func wait(until moment: Moment?, _ time: any TimeSource) async throws {
        guard let moment else { return try await wait() }
        guard time.now < moment else { return try Task.checkCancellation() }
        guard !(time is SystemTime) else { return try await wait(untilSystem: moment) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.wait() }
            group.addTask { try await time.sleep(until: moment) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// - Parameter deadline: By the system's clock; `nil`: without a time limit.
    private func wait(untilSystem deadline: Moment?) async throws {
        var entry: UInt64?
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (woken, wait) = state.withLock { state -> (CheckedContinuation<Void, Never>?, UInt64?) in
                    guard !state.raised, !Task.isCancelled else {
                        state.raised = false
                        return (continuation, nil)
                    }
                    let other = state.waiter
                    state.waiter = continuation
                    state.wait += 1
                    return (other, state.wait)
                }
                woken?.resume()
                // The task continues only after this: the entry is always removed.
                if let wait, let deadline {
                    entry = SystemDeadlines.shared.add(wait: wait, of: self, until: deadline)
                }
            }
        } onCancel: {
            raise()
        }
        if let entry { SystemDeadlines.shared.remove(entry) }
        try Task.checkCancellation()
    }

    /// The deadline of a wait has passed: wakes its task, and no later one.
    func end(_ wait: UInt64) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.wait == wait else { return nil }
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
