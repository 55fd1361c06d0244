import MartletCore
import Synchronization

/// One answer on its way to one caller: the first that arrives counts.
final class Exchange<Answer: Sendable>: Sendable {
    private struct State {
        var waiter: CheckedContinuation<Answer, any Error>?
        var early: Result<Answer, any Error>?
        var isOver = false
    }

    private let state = Mutex(State())

    /// Suspends until an answer arrives, or the task is cancelled.
    func answer() async throws -> Answer {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let early = state.withLock { state in
                    if state.early == nil { state.waiter = continuation }
                    return state.early
                }
                if let early { continuation.resume(with: early) }
            }
        } onCancel: {
            settle(.failure(CancellationError()))
        }
    }

    func settle(_ result: Result<Answer, any Error>) {
        let waiter: CheckedContinuation<Answer, any Error>? = state.withLock { state in
            guard !state.isOver else { return nil }
            state.isOver = true
            defer { state.waiter = nil }
            if state.waiter == nil { state.early = result }
            return state.waiter
        }
        waiter?.resume(with: result)
    }
}
