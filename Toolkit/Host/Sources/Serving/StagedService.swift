import Logging
import MartletCore
import ServiceLifecycle

/// The loops of one shutdown stage, which stop together.
struct StagedService: Service, CustomStringConvertible {
    let description: String
    let loops: [ServiceRuntime.Loop]
    let time: any TimeSource
    /// How long the loops may take to stop.
    let limit: Duration
    /// Called at shutdown while the loops still run.
    let beforeStop: @Sendable () async -> Void

    func run() async throws {
        // Not a task group: a loop that ignores its cancellation would block it, and the later stages forever.
        let stage = Task { try await runLoops() }
        let stop = Task {
            do { try await gracefulShutdown() } catch { return }
            await beforeStop()
        }
        Task {
            _ = await stage.result
            stop.cancel()
        }
        await withTaskCancellationHandler {
            await stop.value
        } onCancel: {
            stop.cancel()
        }
        stage.cancel()
        guard await finishes(stage) else {
            return Logger.current.warning(
                "a stage did not stop in time, it ends with the process",
                metadata: ["stage": "\(description)", "limit": "\(limit)"]
            )
        }
        do { try await stage.value } catch is CancellationError { return }
    }

    /// Cancels all loops when one ends; loops end only by cancellation or failure.
    private func runLoops() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for loop in loops { group.addTask { try await loop.run() } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// False when `stage` still runs after the limit.
    private func finishes(_ stage: Task<Void, any Error>) async -> Bool {
        let timeout = Task { try await time.sleep(for: limit) }
        Task {
            _ = await stage.result
            timeout.cancel()
        }
        if case .success = await timeout.result { return false }
        return true
    }
}

/// First step of the shutdown: reports "not ready" and gives load balancers time to notice.
struct ReadinessGate: Service, CustomStringConvertible {
    let readiness: Readiness
    let delay: Duration
    let time: any TimeSource

    var description: String { "readiness" }

    func run() async throws {
        do { try await gracefulShutdown() } catch { return readiness.advance(to: .draining) }
        readiness.advance(to: .draining)
        Logger.current.info("draining", metadata: ["delay": "\(delay)"])
        // A second signal ends the wait.
        try? await time.sleep(for: delay)
    }
}
