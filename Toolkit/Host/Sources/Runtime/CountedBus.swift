import MartletCore
import MartletMessaging
import MartletTelemetry

/// A bus that counts publications, deliveries and acknowledgements, by topic and group.
struct CountedBus: MessageBus {
    private let bus: any MessageBus
    private let metrics: MetricsRegistry
    private let failures: Counter

    init(_ bus: any MessageBus, _ metrics: MetricsRegistry) {
        self.bus = bus
        self.metrics = metrics
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
        count(
            answered.filter { $0.1.isAccepted }.map(\.0),
            as: "martlet_messages_published_total",
            help: "Events acknowledged by the broker."
        )
        count(
            answered.filter { !$0.1.isAccepted }.map(\.0),
            as: "martlet_messages_refused_total",
            help: "Events refused by the broker; they are retried, and count again."
        )
        return outcomes
    }

    private func count(_ events: [Envelope], as name: String, help: String) {
        for (topic, count) in Dictionary(events.map { (ExactText($0.topic), 1) }, uniquingKeysWith: +) {
            metrics.counter(name, help: help, labels: ["topic": topic.text]).add(count)
        }
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        func counter(_ name: String, _ help: String) -> Counter {
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
