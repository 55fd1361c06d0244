import Logging
import MartletCore
import ServiceLifecycle

/// The loops of one stage, stopped together when their turn at shutdown comes.
struct StagedService: Service, CustomStringConvertible {
    let description: String
    let loops: [ServiceRuntime.Loop]
    let time: any TimeSource
    /// How long the loops may take to let go.
    let limit: Duration
    /// Waits for what must be done while the loops still run.
    let beforeStop: @Sendable () async -> Void

    func run() async throws {
        // Not a group: it would wait for a loop that ignores its cancellation for ever, and the later stages with it.
        let stage = Task { try await together() }
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
        guard await ends(stage) else {
            return Logger.current.warning(
                "a stage did not let go in time, it ends with the process",
                metadata: ["stage": "\(description)", "limit": "\(limit)"]
            )
        }
        do { try await stage.value } catch is CancellationError { return }
    }

    /// The first loop that ends, ends all: none should, but by cancellation.
    private func together() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for loop in loops { group.addTask { try await loop.run() } }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// False when `stage` goes on after the limit.
    private func ends(_ stage: Task<Void, any Error>) async -> Bool {
        let patience = Task { try await time.sleep(for: limit) }
        Task {
            _ = await stage.result
            patience.cancel()
        }
        if case .success = await patience.result { return false }
        return true
    }
}

/// First in the shutdown: says "not ready", and gives balancers time to see it.
struct ReadinessGate: Service, CustomStringConvertible {
    let readiness: Readiness
    let pause: Duration
    let time: any TimeSource

    var description: String { "readiness" }

    func run() async throws {
        do { try await gracefulShutdown() } catch { return readiness.advance(to: .draining) }
        readiness.advance(to: .draining)
        Logger.current.info("draining", metadata: ["pause": "\(pause)"])
        // A second signal ends the wait.
        try? await time.sleep(for: pause)
    }
}
