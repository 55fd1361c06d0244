import MartletCore
import MartletMessaging

/// A bus whose topics have names with a mark at their end, so that several checks share one broker.
struct MarkedTopics: MessageBus {
    let bus: any MessageBus
    let mark: String

    func declare(_ declaration: BusDeclaration) async throws {
        try await bus.declare(
            BusDeclaration(
                topics: declaration.topics.map {
                    TopicPlan($0.name + mark, partitions: $0.partitions, retention: $0.retention)
                },
                groups: declaration.groups.map { GroupPlan(topic: $0.topic + mark, group: $0.group) }
            )
        )
    }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        try await bus.publish(events.map { $0.on($0.topic + mark) })
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        Member(member: try await bus.join(topic: topic + mark, group: group, start: start), mark: mark)
    }

    func status() async throws -> [TopicStatus] {
        try await bus.status().filter { $0.topic.hasSuffix(mark) }.map { status in
            TopicStatus(
                topic: String(status.topic.dropLast(mark.count)),
                published: status.published,
                groups: status.groups
            )
        }
    }

    private struct Member: GroupMember {
        let member: any GroupMember
        let mark: String

        var isWhole: Bool { member.isWhole }
        var losses: [GroupLoss] { member.losses }

        func receive(limit: Int) async throws -> [Delivery] {
            try await member.receive(limit: limit).map { delivery in
                let event = delivery.event.on(String(delivery.event.topic.dropLast(mark.count)))
                return Delivery(id: delivery.id, event: event, attempt: delivery.attempt)
            }
        }

        func acknowledge(_ deliveries: [DeliveryID]) async throws { try await member.acknowledge(deliveries) }

        func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {
            try await member.redeliver(deliveries, after: delay)
        }

        func acknowledge(losses: [GroupLoss]) async throws { try await member.acknowledge(losses: losses) }

        func leave() async { await member.leave() }
    }
}

extension Envelope {
    /// The same on another topic.
    fileprivate func on(_ topic: String) -> Envelope {
        Envelope(
            id: id,
            source: source,
            epoch: epoch,
            topic: topic,
            key: key,
            sequence: sequence,
            time: time,
            keySince: keySince,
            traceparent: traceparent,
            tenant: tenant,
            type: type,
            body: body
        )
    }
}
