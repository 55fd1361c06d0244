import Foundation
import Synchronization

extension PostgresServer {
    /// The one of this test run, without syncs; started when it is used first, and removed at the end of the process.
    package static func shared() async throws -> PostgresServer {
        let isFirst = shared.withLock { state in
            defer { if case .none = state { state = .starting([]) } }
            if case .none = state { return true }
            return false
        }
        if isFirst { await startShared() }
        return try await withCheckedThrowingContinuation { continuation in
            let result: Result<PostgresServer, any Error>? = shared.withLock { state in
                switch state {
                case .none: return nil
                case .starting(let others):
                    state = .starting(others + [continuation])
                    return nil
                case .started(let result): return result
                }
            }
            if let result { continuation.resume(with: result) }
        }
    }

    private enum Shared {
        /// Goes to `starting` with the first use.
        case none
        /// Goes to `started` when the server is ready, or has failed.
        case starting([CheckedContinuation<PostgresServer, any Error>])
        case started(Result<PostgresServer, any Error>)
    }

    private static let shared = Mutex(Shared.none)

    private static func startShared() async {
        let result: Result<PostgresServer, any Error>
        do {
            let server = try await PostgresServer(.processOnly)
            // Nothing releases it before the process ends.
            atexit { PostgresServer.removeShared() }
            try await server.start()
            result = .success(server)
        } catch {
            result = .failure(error)
        }
        let waiting: [CheckedContinuation<PostgresServer, any Error>] = shared.withLock { state in
            defer { state = .started(result) }
            if case .starting(let waiting) = state { return waiting }
            return []
        }
        for continuation in waiting { continuation.resume(with: result) }
    }

    /// Kills the server and removes its folder.
    private static func removeShared() {
        let state = shared.withLock { $0 }
        guard case .started(.success(let server)) = state else { return }
        server.remove()
    }
}
