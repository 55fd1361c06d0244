import FoundationEssentials
import MartletCore
package import MartletMessaging

// Conversions between the types of the bus and those of the contract.

extension EventRecord {
    package init(_ event: Envelope) {
        self.init()
        id = event.id
        source = event.source
        epoch = Int64(event.epoch)
        topic = event.topic
        key = event.key
        sequence = event.sequence
        time = event.time.microseconds
        traceparent = event.traceparent ?? ""
        tenant = event.tenant
        type = event.type?.name ?? ""
        contentType = event.type?.contentType ?? ""
        keySince = event.keySince?.microseconds ?? 0
        body = Data(event.body)
    }

    var envelope: Envelope {
        Envelope(
            id: id,
            source: source,
            epoch: Int(epoch),
            topic: topic,
            key: key,
            sequence: sequence,
            time: Timestamp(microseconds: time),
            keySince: keySince == 0 ? nil : Timestamp(microseconds: keySince),
            traceparent: traceparent.isEmpty ? nil : traceparent,
            tenant: tenant,
            type: EventType(stored: type, contentType: contentType),
            body: Array(body)
        )
    }
}

extension TopicDeclaration {
    package init(_ plan: TopicPlan) {
        self.init()
        topic = plan.name
        partitions = Int32(clamping: plan.partitions ?? 0)
        retentionSeconds = plan.retention?.components.seconds ?? 0
    }

    /// - Throws: `Fault` when a number is out of its range.
    func plan() throws -> TopicPlan {
        guard partitions <= TopicPlan.partitionsLimit else {
            let limit = TopicPlan.partitionsLimit
            throw Fault(
                .invalidArgument,
                .invalidRequest,
                "a topic has at most \(limit) partitions",
                field: "partitions"
            )
        }
        guard retentionSeconds <= TopicPlan.retentionLimit.components.seconds else {
            let message = "a topic keeps its events for ten years at most"
            throw Fault(.invalidArgument, .invalidRequest, message, field: "retention_seconds")
        }
        return TopicPlan(
            topic,
            partitions: partitions > 0 ? Int(partitions) : nil,
            retention: retentionSeconds > 0 ? .seconds(retentionSeconds) : nil
        )
    }
}

extension GroupDeclaration {
    package init(_ plan: GroupPlan) {
        self.init()
        topic = plan.topic
        group = plan.group
    }

    var plan: GroupPlan { GroupPlan(topic: topic, group: group) }
}

extension RefusalRecord {
    /// `nil` for an event that is accepted.
    init?(_ outcome: PublishOutcome, at index: Int) {
        guard case .refused(let refusal) = outcome else { return nil }
        self.init()
        self.index = Int32(clamping: index)
        reason = refusal.reason.name
        message = refusal.message
    }
}

extension PublishResponse {
    /// One outcome for each of `count` published events.
    package func outcomes(count: Int) -> [PublishOutcome] {
        var outcomes = Array(repeating: PublishOutcome.accepted, count: count)
        for refusal in refusals where outcomes.indices.contains(Int(refusal.index)) {
            let reason = Reason(name: refusal.reason)
            outcomes[Int(refusal.index)] = .refused(PublishRefusal(reason, refusal.message))
        }
        return outcomes
    }
}

extension DeliveryPosition {
    package init(_ id: DeliveryID) {
        self.init()
        partition = Int32(clamping: id.partition)
        offset = id.offset
    }

    var deliveryID: DeliveryID { DeliveryID(partition: Int(partition), offset: offset) }
}

extension DeliveryRecord {
    init(_ delivery: Delivery) {
        self.init()
        position = DeliveryPosition(delivery.id)
        event = EventRecord(delivery.event)
        attempt = Int32(clamping: delivery.attempt)
    }

    package var delivery: Delivery {
        Delivery(id: position.deliveryID, event: event.envelope, attempt: Int(attempt))
    }
}

extension LossRecord {
    package init(_ loss: GroupLoss) {
        self.init()
        partition = Int32(clamping: loss.partition)
        first = loss.offsets.lowerBound
        last = loss.offsets.upperBound
        events = Int64(loss.events)
        reason = loss.reason
        firstStoredAt = loss.storedAt.lowerBound.microseconds
        lastStoredAt = loss.storedAt.upperBound.microseconds
        bookedAt = loss.removedAt.microseconds
    }

    package var loss: GroupLoss {
        let oldest = Timestamp(microseconds: firstStoredAt)
        return GroupLoss(
            partition: Int(partition),
            offsets: first...max(first, last),
            events: Int(clamping: events),
            reason: reason,
            storedAt: oldest...max(oldest, Timestamp(microseconds: lastStoredAt)),
            removedAt: Timestamp(microseconds: bookedAt)
        )
    }
}

extension StartPosition {
    package init(_ start: GroupStart) {
        switch start {
        case .earliest: self = .earliest
        case .latest: self = .latest
        case .again: self = .again
        }
    }

    var groupStart: GroupStart {
        switch self {
        case .latest: .latest
        case .again: .again
        case .earliest, .unspecified, .UNRECOGNIZED: .earliest
        }
    }
}

extension TopicRecord {
    init(_ status: TopicStatus) {
        self.init()
        topic = status.topic
        published = status.published
        groups = status.groups.map { group in
            var record = GroupRecord()
            record.name = group.name
            record.acknowledged = group.acknowledged
            record.lag = group.lag
            record.members = Int32(clamping: group.members)
            record.lastSeenAt = group.lastSeen?.microseconds ?? 0
            record.abandoned = group.isAbandoned
            record.lost = group.lost
            return record
        }
        partitions = Int32(clamping: status.partitions)
        declaredPartitions = Int32(clamping: status.declaredPartitions ?? 0)
    }

    package var status: TopicStatus {
        var status = TopicStatus(
            topic: topic,
            published: published,
            groups: groups.map { record in
                var group = TopicStatus.Group(name: record.name, acknowledged: record.acknowledged, lag: record.lag)
                group.members = Int(record.members)
                group.lastSeen = record.lastSeenAt == 0 ? nil : Timestamp(microseconds: record.lastSeenAt)
                group.isAbandoned = record.abandoned
                group.lost = record.lost
                return group
            }
        )
        status.partitions = Int(partitions)
        status.declaredPartitions = declaredPartitions == 0 ? nil : Int(declaredPartitions)
        return status
    }
}
