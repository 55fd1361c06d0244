import MartletCore
import Synchronization

/// One response in flight to one caller: the first result counts.
final class PendingResponse<Response: Sendable>: Sendable {
    private struct State {
        var waiter: CheckedContinuation<Response, any Error>?
        var early: Result<Response, any Error>?
        var isComplete = false
    }

    private let state = Mutex(State())

    /// Suspends until a response arrives, or the task is cancelled.
    func response() async throws -> Response {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let early = state.withLock { state in
                    if state.early == nil { state.waiter = continuation }
                    return state.early
                }
                if let early { continuation.resume(with: early) }
            }
        } onCancel: {
            complete(.failure(CancellationError()))
        }
    }

    func complete(_ result: Result<Response, any Error>) {
        let waiter: CheckedContinuation<Response, any Error>? = state.withLock { state in
            guard !state.isComplete else { return nil }
            state.isComplete = true
            defer { state.waiter = nil }
            if state.waiter == nil { state.early = result }
            return state.waiter
        }
        waiter?.resume(with: result)
    }
}
