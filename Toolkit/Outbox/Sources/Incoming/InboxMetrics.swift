import MartletTelemetry

/// Counts what becomes of the events that one group takes of one topic.
struct InboxMetrics: Sendable {
    private static let name = "martlet_inbox_events_total"
    private static let help =
        "What became of events that arrived. What is behind a gap or failed comes, and counts, again."

    private let taken: Counter
    private let parked: Counter
    private let duplicate: Counter
    private let stale: Counter
    private let gap: Counter
    private let failed: Counter

    init(_ subscription: Subscription, in registry: MetricsRegistry) {
        // Each is there from the start, so that its first event is seen as a rise.
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
        gap = counter("gap")
        failed = counter("failed")
    }

    /// - Parameter verdict: Committed.
    func settled(_ verdict: InboxVerdict) {
        switch verdict {
        case .effect: taken.add()
        case .behind: parked.add()
        case .duplicate: duplicate.add()
        case .stale: stale.add()
        case .gap: gap.add()
        }
    }

    /// One try of an effect failed.
    func tried() { failed.add() }
}
