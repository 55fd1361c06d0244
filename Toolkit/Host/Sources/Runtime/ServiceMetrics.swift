import Logging
import MartletCore
import MartletSQL
import MartletTelemetry
import MartletWorkflows
import Synchronization

/// Gauges of unsent events, parked keys and open workflow runs, and the counts of the database.
final class ServiceMetrics: Sendable {
    static let interval = Duration.seconds(5)
    /// How long one measurement may take: longer than any request, since its reads wait for a scan that runs.
    static let duration = Duration.seconds(120)

    let database: any SQLDatabase
    private let time: any TimeSource
    let metrics: MetricsRegistry
    /// What waits for an operator.
    let work: [OperatorWork]
    /// Every version counted so far: its gauges return to 0 after its last run has ended.
    private let versions = Mutex<Set<WorkflowVersion>>([])

    /// - Parameters:
    ///   - database: The service's database.
    ///   - time: The clock of its pauses and deadlines.
    ///   - metrics: Those of the service.
    ///   - work: What may wait for an operator in the service's own tables.
    init(
        database: any SQLDatabase,
        time: any TimeSource,
        metrics: MetricsRegistry,
        work: [OperatorWork] = []
    ) {
        self.work = OperatorWork.toolkit + work
        self.database = database
        self.time = time
        self.metrics = metrics
        metrics.readCounts(of: database)
    }

    func run() async throws {
        while true {
            do {
                try await measure()
            } catch {
                Logger.current.debug("measuring failed, will be retried", error: error)
            }
            try await time.sleep(for: Self.interval)
        }
    }

    func measure() async throws {
        let deadline = time.now + Self.duration
        let (unsent, refused, keys, parked, late, now) = try await database.read(
            "metrics",
            kind: .scan,
            deadline: deadline
        ) { (tx: borrowing SQLTransaction) in
            let unsent = try UnsentEvents.count(in: tx)
            let refusedKeys = try tx.run("SELECT COUNT(*) FROM outbox_refused")
            let parkedKeys = try tx.run("SELECT COUNT(*) FROM inbox_parked_keys")
            let parkedEvents = try tx.run("SELECT COUNT(*) FROM inbox_parked")
            let lateEvents = try tx.run("SELECT COUNT(*) FROM inbox_late WHERE state = 'late'")
            return try (
                unsent, refusedKeys.first?.int(0) ?? 0, parkedKeys.first?.int(0) ?? 0,
                parkedEvents.first?.int(0) ?? 0, lateEvents.first?.int(0) ?? 0, tx.date
            )
        }
        // Resolved: once for each measurement of the tables.
        metrics.gauge("martlet_outbox_unsent", help: "Events committed and not yet published.").set(
            Double(unsent.events)
        )
        // Resolved: once for each measurement of the tables.
        metrics.gauge("martlet_outbox_refused_keys", help: "Keys of which the broker refused an event.").set(
            Double(refused)
        )
        let age = unsent.oldest.map { max(0, now.microseconds - Int64($0)) } ?? 0
        // Resolved: once for each measurement of the tables.
        metrics.gauge("martlet_outbox_oldest_unsent_seconds", help: "Age of the oldest unpublished event.")
            .set(Double(age) / 1_000_000)
        // Resolved: once for each measurement of the tables.
        metrics.gauge("martlet_parked_keys", help: "Parked keys, waiting for an operator.").set(Double(keys))
        // Resolved: once for each measurement of the tables.
        metrics.gauge("martlet_parked_messages", help: "Parked events, waiting for an operator.").set(Double(parked))
        // Resolved: once for each measurement of the tables.
        metrics.gauge("martlet_late_messages", help: "Late events, waiting for an operator.").set(Double(late))
        let counts = try await WorkflowOperations(database).counts(until: deadline)
        let stuck = counts.filter { $0.state == .needsHuman }.reduce(0) { $0 + $1.count }
        try await measureWork(runs: stuck, until: deadline)
        let versions = versions.withLock { versions in
            versions.formUnion(counts.map { WorkflowVersion(name: $0.workflow, number: $0.version) })
            return versions
        }
        for version in versions {
            for state in [WorkflowState.open, .needsHuman] {
                let count = counts.first {
                    $0.workflow == version.name && $0.version == version.number && $0.state == state
                }
                // Resolved: once for each measurement of the tables.
                metrics.gauge(
                    "martlet_workflow_runs",
                    help: "Workflow runs that have not ended, by state.",
                    labels: [
                        "workflow": version.name, "version": "\(version.number)", "state": state.rawValue,
                    ]
                ).set(Double(count?.count ?? 0))
            }
        }
    }

    /// Counts the events of workflow runs.
    static func observer(of metrics: MetricsRegistry) -> @Sendable (WorkflowEvent) -> Void {
        let counters = ResolvedInstruments<[ExactText], Counter> { key in
            metrics.counter(
                "martlet_workflow_events_total",
                help: "Events of workflow runs, by kind.",
                labels: ["workflow": key[0].text, "kind": key[1].text]
            )
        }
        return { event in counters[[ExactText(event.workflow), ExactText(name(event.kind))]].add() }
    }

    /// Counts how long requests waited until they were admitted to start a run.
    static func waitObserver(of metrics: MetricsRegistry) -> @Sendable (Duration) -> Void {
        // Without a series in a service without workflows.
        let waits = ResolvedInstruments<ExactText, Histogram> { _ in
            metrics.histogram(
                "martlet_workflow_admission_wait_seconds",
                help: "How long requests waited that were then admitted to start a run."
            )
        }
        return { waited in waits["all"].record(waited) }
    }

    /// Registers how many runs `engine` has started, and how many it may.
    static func readAdmission(to engine: WorkflowEngine, _ metrics: MetricsRegistry) {
        metrics.read(
            "martlet_workflow_open_runs",
            help: "Admitted requests, and runs started by this process that execute or wait for a slot."
        ) {
            Double(engine.admission.open)
        }
        metrics.read("martlet_workflow_open_runs_limit", help: "How many such runs new requests may start.") {
            Double(engine.admission.limit)
        }
        metrics.read("martlet_workflow_admission_waiting", help: "Requests that wait until they may start a run.") {
            Double(engine.admission.waiting)
        }
        metrics.readTotal("martlet_workflow_admission_refused_total", help: "Requests that could not start a run.") {
            Double(engine.admission.refused)
        }
    }

    private static func name(_ kind: WorkflowEvent.Kind) -> String {
        switch kind {
        case .claimed: "claimed"
        case .stepRetried: "step_retried"
        case .completed: "completed"
        case .failed: "failed"
        case .needsHuman: "needs_human"
        }
    }
}

private struct WorkflowVersion: Hashable {
    let name: String
    let number: Int
}
