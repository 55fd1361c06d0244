import MartletCore
import MartletMessaging

/// What the log knows in memory: the machines of its groups, and who waits.
///
/// A value behind the log's lock.
struct EventLogState: Sendable {
    struct Group: Sendable {
        var machine: GroupMachine
        var signals: [Int: Signal] = [:]
        /// Acknowledged and not written yet.
        var unwritten: [DeliveryID] = []

        var everyone: [Signal] { signals.sorted { $0.key < $1.key }.map(\.value) }
    }

    struct Topic: Sendable {
        let id: Int
        var heads: [Int64]
        var groups: [String: Group] = [:]
    }

    struct Membership: Sendable, Hashable {
        let topic: String
        let group: String
        let window: Int
    }

    enum Step: Sendable {
        case deliver([GroupMachine.Handout], topicID: Int)
        case wait(until: Moment?)
        case gone
    }

    private(set) var topics: [String: Topic] = [:]
    /// Whether more may be stored than is known here.
    var isBehind = false
    private var members: [Int: Membership] = [:]
    private var lastMember = 0

    // MARK: Topics

    mutating func add(_ topic: EventLogStore.Topic) {
        if topics[topic.name] == nil { topics[topic.name] = Topic(id: topic.id, heads: topic.heads) }
    }

    mutating func add(_ group: EventLogStore.Group) {
        guard let heads = topics[group.topic]?.heads, topics[group.topic]?.groups[group.name] == nil else { return }
        let positions = zip(group.positions, heads).map { position, head in
            (floor: position.floor, done: RangeSet(position.done.map { $0..<$0 + 1 }), head: max(head, position.floor))
        }
        topics[group.topic]?.groups[group.name] = Group(machine: GroupMachine(positions))
    }

    /// Answers who is to be woken.
    mutating func published(_ name: String, partition: Int, head: Int64) -> [Signal] {
        guard var topic = topics.removeValue(forKey: name) else { return [] }
        topic.heads[partition] = max(topic.heads[partition], head)
        var signals: [Signal] = []
        for group in topic.groups.keys.sorted() {
            topic.groups[group]?.machine.published(partition, head: head)
            signals += topic.groups[group]?.everyone ?? []
        }
        topics[name] = topic
        return signals
    }

    // MARK: Members

    mutating func join(_ membership: Membership, _ signal: Signal) -> (member: Int, woken: [Signal]) {
        lastMember += 1
        members[lastMember] = membership
        let member = lastMember
        let woken = change(membership) { group in
            group.machine.join(member)
            group.signals[member] = signal
        }
        return (member, woken)
    }

    func membership(of member: Int) -> Membership? { members[member] }

    mutating func leave(_ member: Int, at now: Moment) -> [Signal] {
        guard let membership = members.removeValue(forKey: member) else { return [] }
        return change(membership) { group in
            group.machine.leave(member, at: now)
            // Whoever waits in the member's name is to see that it is over.
            group.signals.removeValue(forKey: member)?.raise()
        }
    }

    mutating func take(_ member: Int, limit: Int, holding: Duration, at now: Moment) -> (step: Step, woken: [Signal]) {
        guard let membership = members[member], let topic = topics[membership.topic] else { return (.gone, []) }
        var woken: [Signal] = []
        let late = topic.groups[membership.group]?.machine.late(after: holding, at: now) ?? []
        for dead in late { woken += leave(dead, at: now) }
        guard members[member] != nil else { return (.gone, woken) }
        var step = Step.gone
        var wasIdle = false
        let everyone = change(membership) { group in
            wasIdle = group.machine.heldSince == nil
            let handouts = group.machine.take(for: member, limit: limit, window: membership.window, at: now)
            step =
                handouts.isEmpty
                ? .wait(until: group.machine.nextLook(for: member, holding: holding, after: now))
                : .deliver(handouts, topicID: topic.id)
        }
        // From now on those who wait have to see whether this member holds it for too long; nothing else changes for them.
        if wasIdle, case .deliver = step { woken = everyone }
        return (step, woken)
    }

    mutating func acknowledge(_ ids: [DeliveryID], for membership: Membership) -> [Signal] {
        change(membership) { $0.unwritten += $0.machine.acknowledge(ids) }
    }

    mutating func giveBack(_ ids: [DeliveryID], from member: Int, of membership: Membership, due: Moment) -> [Signal] {
        change(membership) { $0.machine.giveBack(ids, from: member, due: due) }
    }

    private mutating func change(_ membership: Membership, _ body: (inout Group) -> Void) -> [Signal] {
        // Taken out while it changes, so that it is not copied.
        guard var group = topics[membership.topic]?.groups.removeValue(forKey: membership.group) else { return [] }
        body(&group)
        topics[membership.topic]?.groups[membership.group] = group
        return group.everyone
    }

    // MARK: Writing and purging

    /// What is to be written; it counts as written from now on.
    mutating func takeUnwritten() -> [EventLogStore.Progress] {
        var progress: [EventLogStore.Progress] = []
        for (name, topic) in topics.sorted(by: { $0.key < $1.key }) {
            for (groupName, group) in topic.groups.sorted(by: { $0.key < $1.key }) where !group.unwritten.isEmpty {
                progress.append(
                    EventLogStore.Progress(
                        topicID: topic.id,
                        group: groupName,
                        floors: group.machine.floors,
                        fresh: group.unwritten.sorted()
                    )
                )
                topics[name]?.groups[groupName]?.unwritten = []
            }
        }
        return progress
    }

    /// Writing failed: it is to be written again.
    mutating func restore(_ progress: [EventLogStore.Progress]) {
        for lost in progress {
            guard let name = topics.first(where: { $0.value.id == lost.topicID })?.key else { continue }
            topics[name]?.groups[lost.group]?.unwritten += lost.fresh
        }
    }

    /// Per topic, up to which offsets every group has acknowledged; the heads when there is no group.
    var purgeable: [(name: String, id: Int, floors: [Int64])] {
        topics.sorted { $0.key < $1.key }.map { name, topic in
            let floors = topic.heads.indices.map { index in
                topic.groups.values.map { $0.machine.floors[index] }.min() ?? topic.heads[index]
            }
            return (name, topic.id, floors)
        }
    }

    var status: [TopicStatus] {
        topics.sorted { $0.key < $1.key }.map { name, topic in
            let published = topic.heads.reduce(0, +)
            let groups = topic.groups.sorted { $0.key < $1.key }.map { name, group in
                TopicStatus.Group(
                    name: name,
                    acknowledged: group.machine.acknowledged,
                    lag: published - group.machine.acknowledged
                )
            }
            return TopicStatus(topic: name, published: published, groups: groups)
        }
    }
}
