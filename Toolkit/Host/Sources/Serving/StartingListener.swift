import Logging
import MartletCore
import MartletREST
import MartletTelemetry
import ServiceLifecycle

/// Answers health on the HTTP port of a process while its services are built, when that takes long: migrations of large
/// tables, or a step that waits for older instances.
///
/// Nothing else is served, and the process is not ready. A start that takes less than ``patience`` opens no listener.
struct StartingListener: Sendable {
    /// How long a start may take until health is answered.
    static let patience: Duration = .milliseconds(1_500)

    private let listener: any HTTPServer
    private let time: any TimeSource

    init(_ listener: any HTTPServer, time: any TimeSource) {
        self.listener = listener
        self.time = time
    }

    /// Runs `build`, and meanwhile the listener, which is closed before this returns.
    ///
    /// - Throws: The error of `build`. One of the listener is logged: the listener after the start reports it again.
    func whileRunning<R: Sendable>(_ build: @escaping @Sendable () async throws -> R) async throws -> R {
        try await withThrowingTaskGroup(of: R?.self) { group in
            group.addTask { try await build() }
            group.addTask { [listener, time] in
                do {
                    try await time.sleep(for: Self.patience)
                    try await listener.run()
                } catch  where !Task.isCancelled {
                    Logger.current.warning(
                        "health cannot be answered during the start, which continues",
                        metadata: ["error": "\(error)"]
                    )
                } catch {}
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                guard let result else { continue }
                group.cancelAll()
                // The port must be free before it is listened on again.
                while try await group.next() != nil {}
                return result
            }
            throw CancellationError()
        }
    }
}
