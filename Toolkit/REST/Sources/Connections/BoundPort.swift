import Synchronization

/// A port that is known once its listener is bound.
final class BoundPort: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Int, any Error>])
        case known(Result<Int, any Error>)
    }

    private let state = Mutex(State.waiting([]))

    var isBound: Bool {
        state.withLock { state in
            if case .known(.success) = state { true } else { false }
        }
    }

    /// Sets the port, or the error that prevented binding it; only the first call counts.
    func set(_ result: Result<Int, any Error>) {
        let waiters: [CheckedContinuation<Int, any Error>] = state.withLock { state in
            guard case .waiting(let waiters) = state else { return [] }
            state = .known(result)
            return waiters
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    func wait() async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            let answer: Result<Int, any Error>? = state.withLock { state in
                switch state {
                case .waiting(let waiters):
                    state = .waiting(waiters + [continuation])
                    return nil
                case .known(let result): return result
                }
            }
            if let answer { continuation.resume(with: answer) }
        }
    }
}

/// The listener ended before it was bound.
struct ListenerNeverBound: Error {}
