import Synchronization

/// Lets an action wait until an earlier action has ended.
final class ReplayGates: Sendable {
    private struct State {
        var outcomes: [ReplayOutcome?]
        var waiting: [Int: [CheckedContinuation<ReplayOutcome, any Error>]] = [:]
    }

    private let state: Mutex<State>

    init(count: Int) { state = Mutex(State(outcomes: Array(repeating: nil, count: count))) }

    func open(_ index: Int, _ outcome: ReplayOutcome) {
        let waiting = state.withLock { state in
            state.outcomes[index] = outcome
            return state.waiting.removeValue(forKey: index) ?? []
        }
        for continuation in waiting { continuation.resume(returning: outcome) }
    }

    /// - Throws: `CancellationError`.
    func wait(for index: Int) async throws -> ReplayOutcome {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let known = state.withLock { state -> Result<ReplayOutcome, any Error>? in
                    if let outcome = state.outcomes[index] { return .success(outcome) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiting[index, default: []].append(continuation)
                    return nil
                }
                if let known { continuation.resume(with: known) }
            }
        } onCancel: {
            let waiting = state.withLock { state in state.waiting.removeValue(forKey: index) ?? [] }
            for continuation in waiting { continuation.resume(throwing: CancellationError()) }
        }
    }
}
