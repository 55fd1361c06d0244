import Logging
package import MartletCore
package import MartletMessaging
package import MartletSQL

/// Publishes the batches of a service's resends, each at its rate.
///
/// Any number of instances may run on one database: a batch is published by one of them.
package struct Resender: Sendable {
    /// Events of one publication: small, so that new events wait for little.
    static let batchLimit = 64
    /// How often it looks for new resends.
    static let pollInterval = Duration.seconds(5)
    private static let retryDelayMin = Duration.milliseconds(50)
    private static let retryDelayMax = Duration.seconds(5)

    private let source: String
    private let database: any SQLDatabase
    private let bus: any MessageBus
    private let runtime: Runtime

    /// - Parameters:
    ///   - source: The publishing service's name.
    ///   - database: The service's database, with the outbox.
    ///   - bus: The broker.
    ///   - runtime: The clocks and the random numbers.
    package init(source: String, database: any SQLDatabase, bus: any MessageBus, runtime: Runtime) {
        self.source = source
        self.database = database
        self.bus = bus
        self.runtime = runtime
    }

    /// Publishes until its task is cancelled.
    ///
    /// Failures of the broker and of the database are logged and retried.
    ///
    /// - Throws: `CancellationError`.
    package func run() async throws {
        var failures = 0
        while true {
            do {
                while try await step() {}
                failures = 0
                try await runtime.time.sleep(for: try await pause())
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                failures += 1
                let delay = Backoff(initial: Self.retryDelayMin, maximum: Self.retryDelayMax)
                    .delay(after: failures, runtime.entropy)
                Logger.current.warning(
                    "publishing events again failed, will retry",
                    metadata: ["error": "\(Fault(describing: error).message)", "retry.in": "\(delay)"]
                )
                try await runtime.time.sleep(for: delay)
            }
        }
    }

    /// Publishes one batch that is due.
    ///
    /// A batch whose publication fails is published again after ``Resends/hold``.
    ///
    /// - Returns: False when none is due.
    func step() async throws -> Bool {
        let source = source
        guard try await database.read("resends.due", { tx in try Resends.isDue(in: tx) }) else { return false }
        let batch = try await database.transaction("resends.take") { tx in
            try Resends.take(source: source, limit: Self.batchLimit, in: tx)
        }
        guard let batch else { return false }
        if !batch.events.isEmpty {
            // A batch is published whole: the events before a refused one are duplicates the next time.
            let outcomes = try await bus.publish(batch.events)
            if let refusal = outcomes.lazy.compactMap(\.refusal).first {
                throw Fault(.unavailable, refusal.reason, refusal.message)
            }
        }
        try await database.transaction("resends.finish") { tx in try Resends.finish(batch, in: tx) }
        if batch.next == nil {
            Logger.current.info("a resend is done", metadata: ["resend": "\(batch.resend.number)"])
        }
        return true
    }

    /// Until the next batch is due, or a new resend may have been started.
    private func pause() async throws -> Duration {
        let due = try await database.read("resends.next") { tx -> Duration? in
            guard let due = try Resends.nextDue(in: tx) else { return nil }
            return try due - tx.date
        }
        return min(max(due ?? Self.pollInterval, .milliseconds(1)), Self.pollInterval)
    }
}
