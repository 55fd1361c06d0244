import Synchronization

/// Wakes one waiting task.
///
/// A signal raised while no task waits is stored for the next wait.
package final class Signal: Sendable {
    private struct State {
        var raised = false
        var waiter: CheckedContinuation<Void, Never>?
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
    package func wait() async throws {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let woken = state.withLock { state -> CheckedContinuation<Void, Never>? in
                    guard !state.raised, !Task.isCancelled else {
                        state.raised = false
                        return continuation
                    }
                    let other = state.waiter
                    state.waiter = continuation
                    return other
                }
                woken?.resume()
            }
        } onCancel: {
            raise()
        }
        try Task.checkCancellation()
    }

    /// Suspends until the signal is raised or `moment` has come; without a time limit when it is `nil`.
    ///
    /// - Throws: `CancellationError`.
    package func wait(until moment: Moment?, _ time: any TimeSource) async throws {
        guard let moment else { return try await wait() }
        guard time.now < moment else { return try Task.checkCancellation() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.wait() }
            group.addTask { try await time.sleep(until: moment) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }
}
