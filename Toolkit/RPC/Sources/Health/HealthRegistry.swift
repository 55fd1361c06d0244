import MartletCore
import Synchronization

/// The health of a server's services, as grpc.health.v1 reports it.
///
/// Safe to share between tasks. The empty name means the whole server.
package final class HealthRegistry: Sendable {
    /// How many watches may wait at a time: a watch needs no token.
    static let watchersLimit = 256

    private struct Watcher {
        let service: ExactText
        let seen: Status
        let continuation: CheckedContinuation<Status?, any Error>
    }

    private struct State {
        var statuses: [ExactText: Status]
        var watchers: [UInt64: Watcher] = [:]
        var lastWatcher: UInt64 = 0
        var finished = false
    }

    enum Status: Int32 {
        case serving = 1
        case notServing = 2
        case serviceUnknown = 3
    }

    private let state: Mutex<State>

    init(services: [String]) {
        var statuses: [ExactText: Status] = ["": .serving]
        for service in services { statuses[ExactText(service)] = .serving }
        state = Mutex(State(statuses: statuses))
    }

    /// Sets whether `service` is serving; watchers are notified immediately.
    ///
    /// Has no effect after shutdown has begun.
    package func set(_ service: String, serving: Bool) {
        change { state in
            guard !state.finished else { return }
            state.statuses[ExactText(service)] = serving ? .serving : .notServing
        }
    }

    /// Sets all services to not serving and ends all watches.
    func finish() {
        change { state in
            state.finished = true
            for service in state.statuses.keys { state.statuses[service] = .notServing }
        }
    }

    func status(_ service: String) -> Status? { state.withLock { $0.statuses[ExactText(service)] } }

    /// Waits until the status differs from `seen`, and returns it; `nil` once the watcher has seen the shutdown.
    ///
    /// - Throws: A `Fault` that the server is overloaded when ``watchersLimit`` others wait; `CancellationError`.
    func next(_ service: String, after seen: Status?) async throws -> Status? {
        let service = ExactText(service)
        let number = state.withLock { state in
            state.lastWatcher += 1
            return state.lastWatcher
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<Status?, any Error>? = state.withLock { state in
                    let now = state.statuses[service] ?? .serviceUnknown
                    if now != seen { return .success(now) }
                    if state.finished { return .success(nil) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guard state.watchers.count < Self.watchersLimit else {
                        return .failure(Fault(.resourceExhausted, .overloaded, "too many watches of the health"))
                    }
                    state.watchers[number] = Watcher(service: service, seen: now, continuation: continuation)
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let watcher = state.withLock { $0.watchers.removeValue(forKey: number) }
            watcher?.continuation.resume(throwing: CancellationError())
        }
    }

    private func change(_ body: (inout State) -> Void) {
        let woken = state.withLock { state in
            body(&state)
            var woken: [(Watcher, Status?)] = []
            for (number, watcher) in state.watchers.sorted(by: { $0.key < $1.key }) {
                let now = state.statuses[watcher.service] ?? .serviceUnknown
                guard now != watcher.seen || state.finished else { continue }
                state.watchers[number] = nil
                woken.append((watcher, now == watcher.seen ? nil : now))
            }
            return woken
        }
        for (watcher, status) in woken { watcher.continuation.resume(returning: status) }
    }
}
