import Logging
import MartletCore
import ServiceLifecycle

/// The loops of one stage, stopped together when their turn at shutdown comes.
struct StagedService: Service, CustomStringConvertible {
    let description: String
    let loops: [ServiceRuntime.Loop]
    let time: any TimeSource
    let limit: Duration
    /// Waits for what must be done while the loops still run.
    let beforeStop: @Sendable () async -> Void

    func run() async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for loop in loops { group.addTask { try await loop.run() } }
                group.addTask {
                    try await gracefulShutdown()
                    await beforeStop()
                    throw CancellationError()
                }
                // The first that ends, ends all: by the shutdown, or by a loop that should never end.
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch is CancellationError {
            return
        }
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
