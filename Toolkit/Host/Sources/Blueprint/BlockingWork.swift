import Synchronization

/// One piece of blocking work between the thread that runs it and the task that waits for it.
final class BlockingWork<Value: Sendable>: Sendable {
    private enum State {
        /// The work has no result, and no task waits yet. Goes to `awaited`, `ended` or `abandoned`.
        case pending
        /// A task waits. Goes to `ended` or `abandoned`.
        case awaited(CheckedContinuation<Value, any Error>)
        case ended(Result<Value, any Error>)
        /// Its task has stopped waiting: it does not begin any more, and a result is discarded.
        case abandoned
    }

    private let body: @Sendable () throws -> Value
    private let state = Mutex(State.pending)

    init(_ body: @escaping @Sendable () throws -> Value) { self.body = body }

    /// Runs the work, unless its task has stopped waiting.
    func run() {
        if state.withLock({ if case .abandoned = $0 { true } else { false } }) { return }
        let result = Result { try body() }
        let waiter: CheckedContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .pending:
                state = .ended(result)
                return nil
            case .awaited(let continuation):
                state = .ended(result)
                return continuation
            case .ended, .abandoned: return nil
            }
        }
        waiter?.resume(with: result)
    }

    /// The result of the work; called once.
    ///
    /// - Throws: `CancellationError` at once when the task is cancelled; what the work throws.
    func value() async throws -> Value {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Value, any Error>? = state.withLock { state in
                    switch state {
                    case .pending:
                        state = .awaited(continuation)
                        return nil
                    case .ended(let result): return result
                    case .awaited, .abandoned: return .failure(CancellationError())
                    }
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            abandon()
        }
    }

    private func abandon() {
        let waiter: CheckedContinuation<Value, any Error>? = state.withLock { state in
            switch state {
            case .pending:
                state = .abandoned
                return nil
            case .awaited(let continuation):
                state = .abandoned
                return continuation
            case .ended, .abandoned: return nil
            }
        }
        waiter?.resume(throwing: CancellationError())
    }
}
