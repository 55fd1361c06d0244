import MartletCore
import MartletMessaging

extension EventLogState {
    /// The groups that have members; they count as seen at `date`.
    mutating func see(at date: Timestamp) -> [(topic: Int, group: String)] {
        var seen: [(topic: Int, group: String)] = []
        for (topicName, topic) in topics.sorted(by: { $0.key < $1.key }) {
            for (name, group) in topic.groups.sorted(by: { $0.key < $1.key }) where group.state.membersCount > 0 {
                setLastSeen(date, of: name, topic: topicName)
                seen.append((topic.id, name.text))
            }
        }
        return seen
    }

    /// What a purge of the topic removes: up to the offsets that every group has acknowledged, and up to the heads when
    /// there is no group; with the topic's retention.
    ///
    /// - Parameter limit: Groups that were last seen before it keep no events; `nil`: each group keeps them.
    func purge(of name: ExactText, passing limit: Timestamp?) -> (purge: EventLogPurge, retention: Duration?)? {
        guard let topic = topics[name] else { return nil }
        let groups = topic.groups.sorted { $0.key < $1.key }
        let passed = groups.filter { isUnseen($0.value, since: limit) }
        let keeping = groups.filter { !isUnseen($0.value, since: limit) }.map(\.value.state.floors)
        let purge = EventLogPurge(
            topic: topic.id,
            name: name.text,
            floors: topic.heads.indices.map { index in keeping.map { $0[index] }.min() ?? topic.heads[index] },
            passed: passed.map { EventLogPurge.Passed(group: $0.key.text, floors: $0.value.state.floors) }
        )
        return (purge, topic.retention)
    }

    /// Whether everything is declared already, with the same retentions and, by the publishers, the same partitions, and
    /// the groups belong to `service`.
    func knows(_ declaration: BusDeclaration, by service: ExactText) -> Bool {
        declaration.topics.allSatisfy { plan in
            topics[ExactText(plan.name)].map { plan.retention == nil || plan.retention == $0.retention } ?? false
        }
            && declaration.groups.allSatisfy { plan in
                topics[ExactText(plan.topic)]?.declared[ExactText(plan.group)] != nil
                    && owner(of: ExactText(plan.group), topic: ExactText(plan.topic)) == service
            }
            && declaration.topics.filter { declaration.isOfPublisher($0) }.allSatisfy { plan in
                topics[ExactText(plan.name)]?.declaredPartitions == plan.partitions
            }
    }

    private func isUnseen(_ group: Group, since limit: Timestamp?) -> Bool {
        guard let limit, group.state.membersCount == 0 else { return false }
        return group.lastSeen < limit
    }

    /// The groups without members that were last seen before `limit`, by topic and name.
    func abandoned(since limit: Timestamp) -> [(topic: ExactText, group: ExactText)] {
        topics.sorted { $0.key < $1.key }.flatMap { name, topic in
            topic.groups.sorted { $0.key < $1.key }.filter { isUnseen($0.value, since: limit) }.map { (name, $0.key) }
        }
    }

    /// - Parameters:
    ///   - limit: Groups that were last seen before it are abandoned.
    ///   - lost: Events of losses that no operator has confirmed, by topic and group.
    func status(abandonedSince limit: Timestamp, lost: [[ExactText]: Int64]) -> [TopicStatus] {
        topics.sorted { $0.key < $1.key }.map { name, topic in
            let published = topic.heads.reduce(0, +)
            let groups = topic.groups.sorted { $0.key < $1.key }.map { groupName, group in
                var status = TopicStatus.Group(
                    name: groupName.text,
                    acknowledged: group.state.acknowledged,
                    lag: published - group.state.acknowledged
                )
                status.members = group.state.membersCount
                status.lastSeen = group.lastSeen
                status.isAbandoned = isUnseen(group, since: limit)
                status.lost = lost[[name, groupName]] ?? 0
                return status
            }
            var status = TopicStatus(topic: name.text, published: published, groups: groups)
            status.partitions = topic.heads.count
            status.declaredPartitions = topic.declaredPartitions.flatMap { $0 == topic.heads.count ? nil : $0 }
            return status
        }
    }
}

extension BusDeclaration {
    /// Whether the topic's publisher declares it.
    ///
    /// A consumer declares its group, too, and may know the topic from another version of the contract.
    func isOfPublisher(_ plan: TopicPlan) -> Bool {
        !groups.contains { ExactText($0.topic) == ExactText(plan.name) }
    }
}
