import Synchronization

/// A port that is known once its listener is bound.
final class BoundPort: Sendable {
    private enum State {
        case waiting([CheckedContinuation<Int, any Error>])
        case bound(Int)
        case never
    }

    private let state = Mutex(State.waiting([]))

    /// `nil` when it will never be bound; only the first word counts.
    func set(_ port: Int?) {
        let waiters: [CheckedContinuation<Int, any Error>] = state.withLock { state in
            guard case .waiting(let waiters) = state else { return [] }
            state = port.map(State.bound) ?? .never
            return waiters
        }
        for waiter in waiters {
            if let port { waiter.resume(returning: port) } else { waiter.resume(throwing: ListenerNeverBound()) }
        }
    }

    func wait() async throws -> Int {
        try await withCheckedThrowingContinuation { continuation in
            let answer: Result<Int, any Error>? = state.withLock { state in
                switch state {
                case .waiting(let waiters):
                    state = .waiting(waiters + [continuation])
                    return nil
                case .bound(let port): return .success(port)
                case .never: return .failure(ListenerNeverBound())
                }
            }
            if let answer { continuation.resume(with: answer) }
        }
    }
}

/// The listener ended before it was bound.
struct ListenerNeverBound: Error {}
