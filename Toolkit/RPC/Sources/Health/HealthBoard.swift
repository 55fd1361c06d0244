import MartletCore
import Synchronization

/// Which services of a server are able to work, for grpc.health.v1 and whoever else asks.
///
/// Safe to share between tasks. The empty name stands for the whole server.
public final class HealthBoard: Sendable {
    private struct Watcher {
        let service: String
        let seen: Status
        let continuation: CheckedContinuation<Status?, any Error>
    }

    private struct Board {
        var statuses: [String: Status]
        var watchers: [UInt64: Watcher] = [:]
        var lastWatcher: UInt64 = 0
        var finished = false
    }

    enum Status: Int32 {
        case serving = 1
        case notServing = 2
        case serviceUnknown = 3
    }

    private let board: Mutex<Board>

    init(services: [String]) {
        var statuses = ["": Status.serving]
        for service in services { statuses[service] = .serving }
        board = Mutex(Board(statuses: statuses))
    }

    /// Says whether `service` is able to work; watchers learn it at once.
    ///
    /// After shutdown has begun nothing changes.
    public func set(_ service: String, serving: Bool) {
        change { board in
            guard !board.finished else { return }
            board.statuses[service] = serving ? .serving : .notServing
        }
    }

    /// Nothing serves any more, and all watches end.
    func finish() {
        change { board in
            board.finished = true
            for service in board.statuses.keys { board.statuses[service] = .notServing }
        }
    }

    func status(_ service: String) -> Status? { board.withLock { $0.statuses[service] } }

    /// Waits until the status is not `seen`; answers it at once without `seen`, and `nil` after the shutdown was seen.
    func next(_ service: String, after seen: Status?) async throws -> Status? {
        let number = board.withLock { board in
            board.lastWatcher += 1
            return board.lastWatcher
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<Status?, any Error>? = board.withLock { board in
                    let now = board.statuses[service] ?? .serviceUnknown
                    if now != seen { return .success(now) }
                    if board.finished { return .success(nil) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    board.watchers[number] = Watcher(service: service, seen: now, continuation: continuation)
                    return nil
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let watcher = board.withLock { $0.watchers.removeValue(forKey: number) }
            watcher?.continuation.resume(throwing: CancellationError())
        }
    }

    private func change(_ body: (inout Board) -> Void) {
        let woken = board.withLock { board in
            body(&board)
            var woken: [(Watcher, Status?)] = []
            for (number, watcher) in board.watchers.sorted(by: { $0.key < $1.key }) {
                let now = board.statuses[watcher.service] ?? .serviceUnknown
                guard now != watcher.seen || board.finished else { continue }
                board.watchers[number] = nil
                woken.append((watcher, now == watcher.seen ? nil : now))
            }
            return woken
        }
        for (watcher, status) in woken { watcher.continuation.resume(returning: status) }
    }
}
