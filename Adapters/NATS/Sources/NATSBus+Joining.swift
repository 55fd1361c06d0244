import MartletCore
public import MartletMessaging
import Synchronization

extension NATSBus {
    public func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        let plan = GroupPlan(topic: topic, group: group)
        try admit(plan)
        try await requireRunning()
        try await requireDurable()
        let partitions = try await partitions(of: topic)
        let consumers = try await answered { try await prepare(plan, partitions: partitions, start: start) }
        let link = link
        let shared = link.shared.state.withLock { state in
            let key = [ExactText(topic), ExactText(group)]
            let known = state.groups[key] ?? NATSGroup(group, of: topic, names: names)
            state.groups[key] = known
            return known
        }
        try shared.listen(on: link, time)
        let member = try NATSMember(
            of: shared,
            partitions: partitions,
            isWhole: consumers.areWhole,
            wait: consumers.wait,
            name: ExactText("\(runtime.identifier())"),
            link: link,
            names: names,
            limits: limits,
            time: time
        )
        link.shared.state.withLock { $0.members.append(NATSLink.WeakMember(member: member)) }
        member.announceJoin()
        return member
    }

    /// Suspends until ``run()`` runs, which may have been started a moment ago.
    private func requireRunning() async throws {
        let limit = time.now + limits.callTimeout
        while !state.withLock({ $0.isRunning }) {
            guard time.now < limit else { throw NATSFault.notRunning }
            try await time.sleep(for: .milliseconds(10))
        }
    }

    /// - Throws: `Fault` when the service may not read the topic, or the group is another service's.
    func admit(_ plan: GroupPlan) throws {
        if let denial = policy.denial(ofReading: plan.topic, by: service) { throw denial.fault }
        if let denial = policy.denial(ofBeginning: plan.group, by: service) { throw denial.fault }
        guard 1...255 ~= plan.group.utf8.count, NATSNames.coded(plan.group).utf8.count <= NATSNames.groupLimit else {
            throw Fault(.invalidArgument, .invalidRequest, "a group must have 1 to 255 bytes", field: "group")
        }
    }

    /// Makes the group's consumers, durably, unless they exist; with `again` anew.
    ///
    /// A crash between two of them leaves the others to the next join, which starts them at its own start.
    ///
    /// - Returns: Whether the group is given every event of the topic, and has acknowledged none so far; how long the server
    ///   waits for an acknowledgement, which consumers that exist keep from their beginning.
    private func prepare(
        _ plan: GroupPlan,
        partitions: Int,
        start: GroupStart
    ) async throws -> (areWhole: Bool, wait: Duration) {
        let stream = names.stream(plan.topic)
        let configs = (0..<partitions).map { partition in
            JetStream.ConsumerConfig(
                name: names.consumer(plan.group, partition),
                filter: names.subject(plan.topic, partition),
                deliver: start == .latest ? "new" : "all",
                wait: limits.acknowledgementWait.nanosecondsClamped,
                durable: names.consumer(plan.group, partition),
                metadata: [ConsumerNote.service: service.text],
                pinTimeout: NATSMemberState.pinTimeout.nanosecondsClamped
            )
        }
        var known: [ExactText: JetStream.ConsumerInfo] = [:]
        for consumer in try await streams.consumers(of: stream) { known[ExactText(consumer.name)] = consumer }
        var consumers: [JetStream.ConsumerInfo] = []
        for config in configs {
            if let consumer = known[ExactText(config.name)] {
                try admit(consumer, of: plan)
                if start != .again {
                    consumers.append(consumer)
                    continue
                }
                try await streams.removeConsumer(config.name, of: stream)
            }
            let made = try await streams.makeConsumer(config, of: stream)
            try admit(made, of: plan)
            consumers.append(made)
        }
        // After the consumers: what they had not acknowledged then is not purged.
        guard let state = try await streams.stream(stream)?.state else { throw NATSFault.unknownTopic(plan.topic) }
        let areWhole =
            state.messages == state.last
            && consumers.allSatisfy { $0.config.deliver == "all" && $0.floor.stream == 0 }
        let waits = consumers.compactMap(\.config.wait).map { Duration.nanoseconds($0) }
        return (areWhole, waits.min() ?? limits.acknowledgementWait)
    }

    /// - Throws: `Fault` when another service began the group, or the server does not let one member at a time receive.
    func admit(_ consumer: JetStream.ConsumerInfo, of plan: GroupPlan) throws {
        guard consumer.config.policy == JetStream.ConsumerConfig.pinned else {
            throw Fault(
                .failedPrecondition,
                "nats.too_old",
                "NATS: the server has no pinned clients: version 2.11 or newer is required"
            )
        }
        guard let owner = consumer.config.metadata?[ConsumerNote.service], ExactText(owner) != service else { return }
        throw BusPolicy.Denial.foreignGroup(plan.group, of: ExactText(owner), service).fault
    }
}

/// What we note on a consumer.
enum ConsumerNote {
    /// The service that its group belongs to.
    static let service = "martlet-service"
}
