import MartletTelemetry

/// Counts the outcomes of the events that one group receives from one topic.
struct InboxMetrics: Sendable {
    private static let name = "martlet_inbox_events_total"
    private static let help =
        "Outcomes of received events. Events behind a gap, marked and failed events are redelivered and count again."

    private let taken: Counter
    private let parked: Counter
    private let duplicate: Counter
    private let stale: Counter
    private let before: Counter
    private let gap: Counter
    private let failed: Counter
    private let marked: Counter
    private let ended: Counter

    init(_ subscription: Subscription, in registry: MetricsRegistry) {
        // Every counter is exported from the start, so that its first event is visible as an increase.
        func counter(_ outcome: String) -> Counter {
            registry.counter(
                Self.name,
                help: Self.help,
                labels: ["topic": subscription.topic, "group": subscription.group, "outcome": outcome]
            )
        }
        taken = counter("taken")
        parked = counter("parked")
        duplicate = counter("duplicate")
        stale = counter("stale")
        before = counter("before")
        gap = counter("gap")
        failed = counter("failed")
        marked = counter("marked")
        ended = counter("ended")
    }

    /// - Parameter decision: Committed.
    func count(_ decision: InboxDecision) {
        switch decision {
        case .handle: taken.add()
        case .enqueue: parked.add()
        case .duplicate: duplicate.add()
        case .late: stale.add()
        case .before: before.add()
        case .gap: gap.add()
        case .marked: marked.add()
        }
    }

    /// Counts one failed attempt of the handler.
    func countFailedAttempt() { failed.add() }

    /// Counts an event that is parked because its handler has ended the process.
    func countEndedProcess() { ended.add() }
}
