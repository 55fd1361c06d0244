import MartletCore
import MartletMessaging
import MartletTelemetry

/// A bus that counts publications, deliveries and acknowledgements, by topic and group.
struct CountedBus: MessageBus {
    private let bus: any MessageBus
    private let metrics: MetricsRegistry
    private let failures: Counter
    private let published: ResolvedInstruments<ExactText, Counter>
    private let refused: ResolvedInstruments<ExactText, Counter>

    init(_ bus: any MessageBus, _ metrics: MetricsRegistry) {
        self.bus = bus
        self.metrics = metrics
        func byTopic(_ name: String, _ help: String) -> ResolvedInstruments<ExactText, Counter> {
            ResolvedInstruments { topic in metrics.counter(name, help: help, labels: ["topic": topic.text]) }
        }
        published = byTopic("martlet_messages_published_total", "Events acknowledged by the broker.")
        refused = byTopic(
            "martlet_messages_refused_total",
            "Events refused by the broker; they are retried, and count again."
        )
        failures = metrics.counter(
            "martlet_messages_publish_failures_total",
            help: "Publications that the broker did not acknowledge; they are retried."
        )
    }

    func declare(_ declaration: BusDeclaration) async throws { try await bus.declare(declaration) }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        let outcomes: [PublishOutcome]
        do {
            outcomes = try await bus.publish(events)
        } catch {
            failures.add()
            throw error
        }
        let answered = zip(events, outcomes)
        count(answered.filter { $0.1.isAccepted }.map(\.0), by: published)
        count(answered.filter { !$0.1.isAccepted }.map(\.0), by: refused)
        return outcomes
    }

    private func count(_ events: [Envelope], by counters: ResolvedInstruments<ExactText, Counter>) {
        for (topic, count) in Dictionary(events.map { (ExactText($0.topic), 1) }, uniquingKeysWith: +) {
            counters[topic].add(count)
        }
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        func counter(_ name: String, _ help: String) -> Counter {
            // Resolved: once for each membership.
            metrics.counter(name, help: help, labels: ["topic": topic, "group": group])
        }
        return CountedMember(
            member: try await bus.join(topic: topic, group: group, start: start),
            delivered: counter("martlet_messages_delivered_total", "Events delivered, including redeliveries."),
            acknowledged: counter("martlet_messages_acknowledged_total", "Deliveries acknowledged."),
            redelivered: counter("martlet_messages_given_back_total", "Deliveries returned for redelivery.")
        )
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}

private struct CountedMember: GroupMember {
    let member: any GroupMember
    let delivered: Counter
    let acknowledged: Counter
    let redelivered: Counter
    var isWhole: Bool { member.isWhole }
    var losses: [GroupLoss] { member.losses }

    func receive(limit: Int) async throws -> [Delivery] {
        let deliveries = try await member.receive(limit: limit)
        delivered.add(deliveries.count)
        return deliveries
    }

    func acknowledge(_ deliveries: [DeliveryID]) async throws {
        try await member.acknowledge(deliveries)
        acknowledged.add(deliveries.count)
    }

    func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {
        try await member.redeliver(deliveries, after: delay)
        redelivered.add(deliveries.count)
    }

    func acknowledge(losses: [GroupLoss]) async throws { try await member.acknowledge(losses: losses) }

    func leave() async { await member.leave() }
}
