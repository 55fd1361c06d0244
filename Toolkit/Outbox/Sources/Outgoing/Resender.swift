import Logging
package import MartletCore
package import MartletMessaging
package import MartletSQL
import MartletTelemetry

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
    private let topics: [TopicPlan]

    /// - Parameters:
    ///   - source: The publishing service's name.
    ///   - database: The service's database, with the outbox.
    ///   - bus: The broker.
    ///   - runtime: The clocks and the random numbers.
    ///   - topics: The topics of the service, declared to the broker before each batch: it may have been restored.
    package init(
        source: String,
        database: any SQLDatabase,
        bus: any MessageBus,
        runtime: Runtime,
        topics: [TopicPlan] = []
    ) {
        self.source = source
        self.database = database
        self.bus = bus
        self.runtime = runtime
        self.topics = topics
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
    /// A batch whose publication fails is published again after ``Resends/hold``. An event that the broker refuses is
    /// unsent again: the relay publishes it when the broker accepts it.
    ///
    /// - Returns: False when none is due.
    func step() async throws -> Bool {
        let source = source
        guard try await database.read("resends.due", { tx in try Resends.isDue(in: tx) }) else { return false }
        let batch = try await database.transaction("resends.take") { tx in
            try Resends.take(source: source, limit: Self.batchLimit, in: tx)
        }
        guard let batch else { return false }
        let refused = try await publish(batch.events)
        try await database.transaction("resends.finish") { tx in try Resends.finish(batch, refused: refused, in: tx) }
        if batch.next == nil {
            Logger.current.info("a resend is done", metadata: ["resend": "\(batch.resend.number)"])
        }
        return true
    }

    /// Publishes the events of one batch; those that the broker refuses are logged and counted.
    ///
    /// - Returns: The events that were refused.
    private func publish(_ events: [Envelope]) async throws -> [Envelope] {
        guard !events.isEmpty else { return [] }
        if !topics.isEmpty { try await bus.declare(topics) }
        let outcomes = try await bus.publish(events)
        guard outcomes.count == events.count else {
            throw Fault(.internal, .internal, "the bus answered \(outcomes.count) of \(events.count) events")
        }
        var refused: [Envelope] = []
        var logged: Set<[ExactText]> = []
        for (event, outcome) in zip(events, outcomes) {
            guard let refusal = outcome.refusal else { continue }
            refused.append(event)
            // Resolved: for a refused event of a resend, which is rare.
            MetricsRegistry.current.counter(
                "martlet_resend_refused_total",
                help: "Events of resends that the broker refused and that are unsent again.",
                labels: ["topic": event.topic]
            ).add()
            guard logged.insert([ExactText(event.topic), ExactText(refusal.reason.name)]).inserted else { continue }
            Logger.current.error(
                "the broker refused an event of a resend, it is unsent again",
                metadata: [
                    "topic": "\(event.topic)", "key": "\(event.key)", "sequence": "\(event.sequence)",
                    "reason": "\(refusal.reason)", "error": "\(refusal.message)",
                ]
            )
        }
        return refused
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
