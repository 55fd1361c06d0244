import Logging
import MartletCore
import MartletMessaging
import MartletSQL
import MartletTelemetry
import Synchronization

// Declared topics and groups, their purge, and what an operator does with them.
extension EventLog {
    /// As `MessageBus.declare`, by a service.
    ///
    /// A service that declares its group names the topic, too, since it may start before its publisher: the log makes it then,
    /// as the policy plans it, and not as the consumer knows it.
    func declare(_ declaration: BusDeclaration, by service: ExactText) async throws {
        let declaration = try admitted(declaration, by: service)
        guard declaration.topics.allSatisfy({ TopicName.isValid($0.name) }) else {
            throw Fault(.invalidArgument, .invalidRequest, "a topic must be \(TopicName.rule)", field: "topic")
        }
        guard declaration.groups.allSatisfy({ 1...255 ~= $0.group.utf8.count }) else {
            throw Fault(.invalidArgument, .invalidRequest, "a group must have 1 to 255 bytes", field: "group")
        }
        guard !state.withLock({ $0.knows(declaration, by: service) }) else { return }
        let partitions = limits.partitions
        let made = try await database.transaction("log.declare") { tx in
            var made: [EventLogStore.Topic] = []
            for plan in declaration.topics {
                let number = plan.partitions ?? partitions
                var topic = try EventLogStore.makeTopic(plan.name, partitions: number, in: tx)
                if let retention = plan.retention { try EventLogStore.setRetention(retention, of: topic.id, in: tx) }
                topic.retention = plan.retention
                made.append(topic)
            }
            for plan in declaration.groups {
                let index = made.firstIndex { ExactText($0.name) == ExactText(plan.topic) }
                guard let index else { throw Fault.unknownTopic(plan.topic) }
                let lastSeen = try EventLogStore.declare(plan.group, of: made[index].id, by: service, in: tx)
                made[index].declared[ExactText(plan.group)] = lastSeen
                made[index].owners[ExactText(plan.group)] = service
            }
            for (plan, topic) in zip(declaration.topics, made) where declaration.isOfPublisher(plan) {
                try EventLogStore.setDeclaredPartitions(plan.partitions, of: topic.id, in: tx)
            }
            return made
        }
        state.withLock { state in
            for topic in made { state.add(topic) }
            for plan in declaration.topics where declaration.isOfPublisher(plan) {
                state.setDeclaredPartitions(plan.partitions, of: ExactText(plan.name))
            }
        }
        for (plan, topic) in zip(declaration.topics, made) where declaration.isOfPublisher(plan) {
            guard let declared = plan.partitions, declared != topic.heads.count else { continue }
            Logger.current.error(
                "a topic has another number of partitions than its publisher declares, and keeps it",
                metadata: ["topic": "\(plan.name)", "partitions": "\(topic.heads.count)", "declared": "\(declared)"]
            )
        }
    }

    // MARK: Purging

    /// Stores which groups have members, and raises the alarm for those that have had none for long.
    ///
    /// - Parameter alarmed: The groups for which it was raised already.
    func observe(_ alarmed: inout Set<[ExactText]>) async throws {
        let seen = state.withLock { $0.see(at: time.date) }
        if !seen.isEmpty {
            try await database.transaction("log.seen") { tx in try EventLogStore.seen(seen, in: tx) }
        }
        let abandoned = state.withLock { $0.abandoned(since: time.date - limits.groupAlarm) }
        let lost = try await database.read("log.lost", kind: .scan, deadline: nil) { tx in
            try EventLogLosses.open(in: tx)
        }
        let metrics = MetricsRegistry.current
        // Resolved: once for each look at the groups.
        metrics.gauge("martlet_log_abandoned_groups", help: "Consumer groups that have had no member for long.").set(
            Double(abandoned.count)
        )
        // Resolved: once for each look at the groups.
        metrics.gauge(
            "martlet_log_lost_events",
            help: "Events of losses that no service has stored and no operator has confirmed."
        ).set(
            Double(lost.values.reduce(0, +))
        )
        for (topic, group) in abandoned where !alarmed.contains([topic, group]) {
            Logger.current.error(
                "a consumer group has had no member for long, an operator removes it or starts its service",
                metadata: ["topic": "\(topic)", "group": "\(group)", "purged.after": "\(limits.groupLimit)"]
            )
        }
        alarmed = []
        for (topic, group) in abandoned { alarmed.insert([topic, group]) }
    }

    /// Removes the events that every group has acknowledged and that are past their topic's retention.
    ///
    /// A group that has had no member for ``EventLogLimits/groupLimit`` keeps none: what it loses is booked. For a minute
    /// after a jump of the wall clock nothing is removed.
    ///
    /// - Parameters:
    ///   - start: The topic to begin with, in the order of their names; `nil`: the first one.
    ///   - batchesLimit: Maximum transactions. A topic of which nothing is removed takes one, too.
    /// - Returns: The topic to continue with after `batchesLimit` transactions; `nil` when all topics are done.
    @discardableResult
    func purge(from start: ExactText? = nil, batchesLimit: Int = .max) async throws -> ExactText? {
        // What is acknowledged is no loss.
        try await flush()
        let (limit, isSettled) = (limits.purgeBatch, opened + limits.groupGrace <= time.now)
        let passing = isSettled ? time.date - limits.groupLimit : nil
        var batches = 0
        for name in state.withLock({ $0.topics.keys.sorted() }) where start.map({ $0 <= name }) ?? true {
            var removed = limit
            while removed == limit {
                guard batches < batchesLimit else { return name }
                batches += 1
                if clock.pausesExpiry { return nil }
                // Read anew: the floors of groups that were passed have moved.
                guard let (purge, declared) = state.withLock({ $0.purge(of: name, passing: passing) }) else { break }
                let retention = limits.retentions[purge.name] ?? declared ?? limits.retention
                let (count, moves) = try await database.transaction("log.purge") { tx in
                    try purge.remove(before: tx.date - retention, limit: limit, in: tx)
                }
                removed = count
                guard !moves.isEmpty else { continue }
                state.withLock { $0.move(moves, of: name) }
                Logger.current.error(
                    "events were purged before a group without members acknowledged them, an operator confirms the loss",
                    metadata: ["topic": "\(name)", "groups": "\(Set(moves.map { ExactText($0.group) }).sorted())"]
                )
            }
        }
        return nil
    }

    // MARK: Losses of members

    /// What a joining group has lost, oldest first.
    ///
    /// - Parameter again: Also what its service has stored before: its database was restored.
    func losses(of group: ExactText, of topic: ExactText, again: Bool) async throws -> [GroupLoss] {
        guard let id = state.withLock({ $0.topics[topic]?.id }) else { return [] }
        // A transaction, and not a read: it comes after a purge that has begun before the group had a member.
        return try await database.transaction("log.losses.join") { tx in
            try EventLogLosses.untaken(topic: id, group: group.text, again: again, in: tx)
        }
    }

    /// The service of a member's group has stored these losses.
    func acknowledge(_ losses: [GroupLoss], by member: Int) async throws {
        let place = state.withLock { state in
            state.membership(of: member).map { (group: $0.group, topic: state.topics[$0.topic]?.id) }
        }
        guard let place, let topic = place.topic else { throw Fault.unknownMember }
        guard !losses.isEmpty else { return }
        try await database.transaction("log.losses.taken") { tx in
            for loss in losses { try EventLogLosses.take(loss, topic: topic, group: place.group.text, in: tx) }
        }
    }

    // MARK: Operators

    /// Forgets a group, and books what it has not acknowledged.
    ///
    /// - Returns: The number of events that it has lost.
    /// - Throws: `Fault` when there is no such group, or it has members.
    func removeGroup(_ name: String, of topic: String, by action: EventLogAudit.Action) async throws -> Int {
        try await flush()
        let names = (group: ExactText(name), topic: ExactText(topic))
        let removed = try state.withLock { try $0.remove(names.group, of: names.topic) }
        let (id, floors) = (removed.topicID, removed.group?.state.floors ?? [])
        do {
            return try await database.transaction("log.remove.group") { tx in
                var lost = 0
                for (partition, floor) in floors.enumerated() {
                    lost += try EventLogLosses.bookRest(
                        topic: id,
                        group: name,
                        partition: partition,
                        floor: floor,
                        in: tx
                    )
                }
                try tx.run("DELETE FROM log_positions WHERE topic_id = \(id) AND group_name = \(name)")
                try tx.run("DELETE FROM log_acknowledged WHERE topic_id = \(id) AND group_name = \(name)")
                try tx.run("DELETE FROM log_groups WHERE topic_id = \(id) AND group_name = \(name)")
                try EventLogAudit.write(action, before: "floors \(floors)", after: "lost \(lost) events", in: tx)
                return lost
            }
        } catch {
            state.withLock { $0.restore(removed, names.group, of: names.topic) }
            throw error
        }
    }

    func losses(after id: Int64, confirmed: Bool) async throws -> [LossRecord] {
        try await database.read("log.losses", kind: .scan, deadline: nil) { tx in
            try EventLogLosses.list(after: id, confirmed: confirmed, in: tx)
        }
    }

    /// - Throws: `Fault` when there is no such loss.
    func confirmLoss(_ id: Int64, by action: EventLogAudit.Action) async throws {
        let isKnown = try await database.transaction("log.confirm") { tx in
            try EventLogLosses.confirm(id, by: action, in: tx)
        }
        guard isKnown else { throw Fault(.notFound, "eventlog.unknown_loss", "there is no loss \(id)") }
    }

    func audit(before number: Int64, limit: Int) async throws -> [LogAuditRecord] {
        try await database.read("log.audit", kind: .scan, deadline: nil) { tx in
            try EventLogAudit.list(before: number, limit: limit, in: tx)
        }
    }
}
