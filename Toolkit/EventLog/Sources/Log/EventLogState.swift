import MartletCore
import MartletMessaging

/// The log's in-memory state: the state machines of its groups, and the waiting members.
///
/// A value behind the log's lock.
struct EventLogState: Sendable {
    struct Group: Sendable {
        var state: GroupStateMachine
        var signals: [Int: Signal] = [:]
        /// Acknowledged and not yet written.
        var unwritten: [DeliveryID] = []
        /// When it last had a member.
        var lastSeen: Timestamp

        var allSignals: [Signal] { signals.sorted { $0.key < $1.key }.map(\.value) }
    }

    struct Topic: Sendable {
        let id: Int
        var heads: [Int64]
        /// `nil` for the log's own.
        var retention: Duration?
        /// As its publisher declares them; `nil` when it declares none.
        var declaredPartitions: Int?
        /// The declared groups, with the time when each was last seen before this process has seen it.
        var declared: [ExactText: Timestamp]
        /// The service of each group that one has declared or joined.
        var owners: [ExactText: ExactText] = [:]
        var groups: [ExactText: Group] = [:]
    }

    struct Membership: Sendable, Hashable {
        let topic: ExactText
        let group: ExactText
        /// The service that joined: no other one uses the member.
        let service: ExactText
        let window: Int
    }

    /// What a removal takes, for the case that it fails.
    struct Removed: Sendable {
        let topicID: Int
        let declared: Timestamp?
        let owner: ExactText?
        let group: Group?
    }

    enum Step: Sendable {
        case deliver([GroupStateMachine.Dispatch], topicID: Int)
        case wait(until: Moment?)
        case left
    }

    private(set) var topics: [ExactText: Topic] = [:]
    /// Whether the database may hold events that are not known here.
    var isBehind = false
    /// Whether acknowledgements that were taken are being written.
    var isFlushing = false
    private var members: [Int: Membership] = [:]
    private var lastMember = 0

    // MARK: Topics

    mutating func add(_ topic: EventLogStore.Topic) {
        let name = ExactText(topic.name)
        if topics[name] == nil {
            let partitions = topic.declaredPartitions
            topics[name] = Topic(id: topic.id, heads: topic.heads, declaredPartitions: partitions, declared: [:])
        }
        if let retention = topic.retention { topics[name]?.retention = retention }
        topics[name]?.declared.merge(topic.declared) { $1 }
        topics[name]?.owners.merge(topic.owners) { $1 }
    }

    /// The service that a group belongs to; `nil` when none has declared or joined it since groups belong to services.
    func owner(of group: ExactText, topic: ExactText) -> ExactText? { topics[topic]?.owners[group] }

    mutating func setOwner(_ service: ExactText, of group: ExactText, topic: ExactText) {
        topics[topic]?.owners[group] = service
    }

    mutating func setDeclaredPartitions(_ partitions: Int?, of topic: ExactText) {
        topics[topic]?.declaredPartitions = partitions
    }

    mutating func add(_ group: EventLogStore.Group) {
        let (topic, name) = (ExactText(group.topic), ExactText(group.name))
        guard let heads = topics[topic]?.heads, topics[topic]?.groups[name] == nil else { return }
        let positions = zip(group.positions, heads).map { position, head in
            (floor: position.floor, done: RangeSet(position.done.map { $0..<$0 + 1 }), head: max(head, position.floor))
        }
        let lastSeen = topics[topic]?.declared[name] ?? Timestamp(microseconds: 0)
        topics[topic]?.groups[name] = Group(state: GroupStateMachine(positions), lastSeen: lastSeen)
    }

    /// Whether a group may be joined: it was declared, or exists.
    func isDeclared(_ group: ExactText, of topic: ExactText) -> Bool {
        topics[topic].map { $0.declared[group] != nil || $0.groups[group] != nil } ?? false
    }

    /// Events up to these heads are stored.
    ///
    /// Returns the signals to raise: each once, however many partitions have new events.
    mutating func published(_ heads: [(topic: ExactText, partition: Int, head: Int64)]) -> [Signal] {
        var names: Set<ExactText> = []
        for (name, partition, head) in heads {
            guard var topic = topics.removeValue(forKey: name) else { continue }
            names.insert(name)
            topic.heads[partition] = max(topic.heads[partition], head)
            for group in topic.groups.keys { topic.groups[group]?.state.published(partition, head: head) }
            topics[name] = topic
        }
        return names.sorted().flatMap { name in
            (topics[name]?.groups ?? [:]).sorted { $0.key < $1.key }.flatMap(\.value.allSignals)
        }
    }

    // MARK: Members

    mutating func join(
        _ membership: Membership,
        _ signal: Signal,
        at date: Timestamp
    ) -> (member: Int, woken: [Signal]) {
        lastMember += 1
        members[lastMember] = membership
        let member = lastMember
        let woken = change(membership) { group in
            group.state.join(member)
            group.signals[member] = signal
            group.lastSeen = date
        }
        return (member, woken)
    }

    func membership(of member: Int) -> Membership? { members[member] }

    /// True when the group begins with the first event of the topic, and has acknowledged none so far.
    func isAtFirstEvent(_ group: ExactText, of topic: ExactText) -> Bool {
        topics[topic]?.groups[group]?.state.floors.allSatisfy { $0 == 0 } ?? false
    }

    mutating func leave(_ member: Int, at now: Moment) -> [Signal] {
        guard let membership = members.removeValue(forKey: member) else { return [] }
        return change(membership) { group in
            group.state.leave(member, at: now)
            // Wakes the member's pending receive, which then fails.
            group.signals.removeValue(forKey: member)?.raise()
        }
    }

    mutating func poll(_ member: Int, limit: Int, timeout: Duration, at now: Moment) -> (step: Step, woken: [Signal]) {
        // Not the topic, which would be copied when its group changes.
        guard let membership = members[member], let topicID = topics[membership.topic]?.id else { return (.left, []) }
        var woken: [Signal] = []
        let expired = topics[membership.topic]?.groups[membership.group]?.state.expired(after: timeout, at: now) ?? []
        for dead in expired { woken += leave(dead, at: now) }
        guard members[member] != nil else { return (.left, woken) }
        var step = Step.left
        var wasIdle = false
        let signals = change(membership) { group in
            wasIdle = group.state.oldestInFlight == nil
            let dispatches = group.state.poll(for: member, limit: limit, window: membership.window, at: now)
            step =
                dispatches.isEmpty
                ? .wait(until: group.state.nextPoll(for: member, timeout: timeout, after: now))
                : .deliver(dispatches, topicID: topicID)
        }
        // From now on the waiting members must check whether this delivery times out; nothing else changes for them.
        if wasIdle, case .deliver = step { woken = signals }
        return (step, woken)
    }

    mutating func acknowledge(_ ids: [DeliveryID], for membership: Membership) -> [Signal] {
        change(membership) { $0.unwritten += $0.state.acknowledge(ids) }
    }

    mutating func redeliver(_ ids: [DeliveryID], from member: Int, of membership: Membership, due: Moment) -> [Signal] {
        change(membership) { $0.state.redeliver(ids, from: member, due: due) }
    }

    /// Goes back to the given floors; forgets acknowledgements that are not written.
    ///
    /// Returns the signals to raise.
    mutating func rewind(_ topic: ExactText, _ group: ExactText, to floors: [Int64]) -> [Signal] {
        change(group, of: topic) { group in
            group.state.rewind(to: floors)
            group.unwritten = []
        }
    }

    private mutating func change(_ membership: Membership, _ body: (inout Group) -> Void) -> [Signal] {
        change(membership.group, of: membership.topic, body)
    }

    private mutating func change(
        _ name: ExactText,
        of topic: ExactText,
        _ body: (inout Group) -> Void
    ) -> [Signal] {
        // Removed while it changes, which avoids a copy.
        guard var group = topics[topic]?.groups.removeValue(forKey: name) else { return [] }
        body(&group)
        topics[topic]?.groups[name] = group
        return group.allSignals
    }

    mutating func setLastSeen(_ date: Timestamp, of group: ExactText, topic: ExactText) {
        topics[topic]?.groups[group]?.lastSeen = date
    }

    /// A purge has removed what the groups had not acknowledged.
    mutating func move(_ moves: [EventLogPurge.Move], of topic: ExactText) {
        for move in moves {
            topics[topic]?.groups[ExactText(move.group)]?.state.skip(move.partition, through: move.floor)
        }
    }

    /// Removes a group, which cannot be joined then.
    ///
    /// - Returns: What was removed, for ``restore(_:_:of:)``.
    /// - Throws: `Fault` when there is no such group, or it has members.
    mutating func remove(
        _ group: ExactText,
        of topic: ExactText
    ) throws -> Removed {
        guard let known = topics[topic], isDeclared(group, of: topic) else {
            throw Fault.unknownGroup(group.text, of: topic.text)
        }
        guard known.groups[group]?.state.membersCount ?? 0 == 0 else {
            throw Fault(
                .failedPrecondition,
                "eventlog.group_in_use",
                "the group \(group) has members: stop its service"
            )
        }
        return Removed(
            topicID: known.id,
            declared: topics[topic]?.declared.removeValue(forKey: group),
            owner: topics[topic]?.owners.removeValue(forKey: group),
            group: topics[topic]?.groups.removeValue(forKey: group)
        )
    }

    /// The removal of a group failed.
    mutating func restore(_ removed: Removed, _ group: ExactText, of topic: ExactText) {
        guard topics[topic]?.groups[group] == nil else { return }
        topics[topic]?.declared[group] = removed.declared
        topics[topic]?.owners[group] = removed.owner
        topics[topic]?.groups[group] = removed.group
    }

    // MARK: Writing

    /// The acknowledgements to write; they count as written from now on.
    mutating func takeUnwritten() -> [EventLogStore.Progress] {
        var progress: [EventLogStore.Progress] = []
        for (name, topic) in topics.sorted(by: { $0.key < $1.key }) {
            for (groupName, group) in topic.groups.sorted(by: { $0.key < $1.key }) where !group.unwritten.isEmpty {
                progress.append(
                    EventLogStore.Progress(
                        topicID: topic.id,
                        group: groupName.text,
                        floors: group.state.floors,
                        fresh: group.unwritten.sorted()
                    )
                )
                topics[name]?.groups[groupName]?.unwritten = []
            }
        }
        return progress
    }

    /// Restores acknowledgements whose write failed.
    mutating func restore(_ progress: [EventLogStore.Progress]) {
        for failed in progress {
            guard let name = topics.first(where: { $0.value.id == failed.topicID })?.key else { continue }
            topics[name]?.groups[ExactText(failed.group)]?.unwritten += failed.fresh
        }
    }
}
