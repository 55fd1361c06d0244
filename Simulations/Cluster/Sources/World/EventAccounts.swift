import MartletCore
import MartletMessaging
import MartletSQL

/// What consumer groups have done with events, as the views for auditors show it.
///
/// For each group of its topic a published event was handled; or it is parked, late or skipped; or its service has stored
/// that the log has removed it, or the group has counted it as from before its beginning. Anything else is lost without a trace.
package struct EventAccounts: Sendable {
    /// A published event.
    package struct Event: Sendable {
        let key: Key
        let sequence: Int64
        /// When it was committed, in microseconds; `nil` for one that every group has to account for.
        var at: Int64?

        package init(topic: String, key: String, source: String, epoch: Int, sequence: Int64) {
            self.key = Key(topic: ExactText(topic), key: ExactText(key), source: ExactText(source), epoch: epoch)
            self.sequence = sequence
        }
    }

    struct Key: Sendable, Hashable {
        let topic: ExactText
        let key: ExactText
        let source: ExactText
        let epoch: Int
    }

    private struct Place: Hashable {
        let group: ExactText
        let topic: ExactText
        let partition: Int
    }

    private struct Membership: Hashable {
        let group: ExactText
        let topic: ExactText
    }

    /// Events that a violation lists.
    private static let listedMax = 5

    /// The groups of each topic.
    private let groups: [ExactText: [ExactText]]
    /// The numbers that each group has handled or stored for an operator.
    private var known: [ExactText: [Key: RangeSet<Int64>]] = [:]
    /// Events from before the beginning of a group, which only their number is known of.
    private var before: [Membership: Int] = [:]
    /// When each group began, in microseconds: one that begins with the latest event gets nothing from before.
    private var began: [Membership: Int64] = [:]
    /// Events that the group's service knows to be lost; only their places in the log are known.
    private var lost: [Place: Int] = [:]
    private var partitions: [ExactText: Int] = [:]

    /// - Parameter consumers: The consumer groups of each topic.
    package init(of consumers: [String: [String]]) {
        let named = consumers.map { (ExactText($0.key), $0.value.map { ExactText($0) }) }
        groups = Dictionary(uniqueKeysWithValues: named)
    }

    // MARK: Accounts

    /// The group has handled the event, or it is parked, late or skipped.
    package mutating func add(_ event: Event, of group: String) {
        add(event.sequence...event.sequence, of: event.key, by: ExactText(group))
    }

    /// The group has counted events from before its beginning.
    package mutating func addBefore(_ count: Int, topic: String, group: String) {
        before[Membership(group: ExactText(group), topic: ExactText(topic)), default: 0] += count
    }

    /// The group's service has stored that it will not receive events of a partition.
    package mutating func addLost(_ count: Int, topic: String, group: String, partition: Int) {
        lost[Place(group: ExactText(group), topic: ExactText(topic), partition: partition), default: 0] += count
    }

    /// How many partitions the topic has; 1 when that is not known.
    package mutating func setPartitions(_ count: Int, of topic: String) { partitions[ExactText(topic)] = count }

    private mutating func add(_ range: ClosedRange<Int64>, of key: Key, by group: ExactText) {
        known[group, default: [:]][key, default: RangeSet()].insert(contentsOf: range.lowerBound..<range.upperBound + 1)
    }

    // MARK: Checks

    /// What groups have not handled and nothing names, in words, by topic and group.
    package func violations(of events: [Event]) -> [String] {
        var missing: [Membership: [Event]] = [:]
        for event in events {
            for group in groups[event.key.topic] ?? []
            where known[group]?[event.key]?.contains(event.sequence) != true {
                let membership = Membership(group: group, topic: event.key.topic)
                if let at = event.at, let began = began[membership], at < began { continue }
                missing[membership, default: []].append(event)
            }
        }
        return missing.sorted { ($0.key.topic, $0.key.group) < ($1.key.topic, $1.key.group) }.compactMap {
            violation(of: $0.key, $0.value)
        }
    }

    private func violation(of membership: Membership, _ missing: [Event]) -> String? {
        let count = partitions[membership.topic] ?? 1
        let byPartition = Dictionary(grouping: missing) {
            Partitioning.partition(of: $0.key.key.text, among: count)
        }
        let left = byPartition.reduce(-(before[membership] ?? 0)) { sum, events in
            let place = Place(group: membership.group, topic: membership.topic, partition: events.key)
            return sum + max(0, events.value.count - (lost[place] ?? 0))
        }
        guard left > 0 else { return nil }
        let listed = missing.prefix(Self.listedMax).map { "\($0.key.source)/\($0.key.key)/\($0.sequence)" }
        return "\(membership.group) has not handled \(left) events of \(membership.topic), and nothing names them; "
            + "among \(listed.joined(separator: ", "))"
    }
}

// MARK: Reading

extension EventAccounts {
    /// Reads the accounts of all services of a cluster, and of its event log.
    ///
    /// - Throws: What a database throws.
    package init(of consumers: [String: [String]], in cluster: Cluster) async throws {
        self.init(of: consumers)
        for name in cluster.stores.names {
            guard let store = cluster.stores[name] else { continue }
            let before = self
            self = try await store.inspect { (tx: borrowing SQLTransaction) in
                var accounts = before
                if name == Deployment.eventLogName {
                    try accounts.readLog(in: tx)
                } else {
                    try accounts.readInbox(in: tx)
                }
                return accounts
            }
        }
    }

    /// The events that the outboxes of a cluster still have.
    static func published(in cluster: Cluster) async throws -> [Event] {
        var events: [Event] = []
        for name in cluster.stores.names where name != Deployment.eventLogName {
            let own = try await cluster.stores[name]?.inspect { (tx: borrowing SQLTransaction) in
                try tx.run(
                    "SELECT topic, key, epoch, sequence, at FROM audit_outbox ORDER BY topic, key, epoch, sequence"
                ).map { row in
                    var event = try Event(
                        topic: row.text(0),
                        key: row.text(1),
                        source: name,
                        epoch: row.int(2),
                        sequence: row.int64(3)
                    )
                    event.at = try row.int64(4)
                    return event
                }
            }
            events += own ?? []
        }
        return events
    }

    private mutating func readInbox(in tx: borrowing SQLTransaction) throws {
        let rows = try tx.run(
            """
            SELECT group_name, topic, key, source, epoch, base_sequence, last_sequence FROM audit_key_positions
            UNION ALL SELECT group_name, topic, key, source, epoch, sequence, sequence FROM audit_parked_events
            UNION ALL SELECT group_name, topic, key, source, epoch, sequence, sequence FROM audit_late_events
            UNION ALL SELECT group_name, topic, key, source, epoch, first_sequence, last_sequence
                FROM audit_skipped_events
            """
        )
        for row in rows {
            let key = try Key(
                topic: ExactText(row.text(1)),
                key: ExactText(row.text(2)),
                source: ExactText(row.text(3)),
                epoch: row.int(4)
            )
            try add(row.int64(5)...row.int64(6), of: key, by: ExactText(row.text(0)))
        }
        for row in try tx.run("SELECT group_name, topic, before_count, began_at FROM audit_groups") {
            try addBefore(row.int(2), topic: row.text(1), group: row.text(0))
            let membership = try Membership(group: ExactText(row.text(0)), topic: ExactText(row.text(1)))
            began[membership] = try row.intIfPresent(3).map { Int64($0) }
        }
        for row in try tx.run("SELECT topic, group_name, partition, events FROM audit_losses") {
            try addLost(row.int(3), topic: row.text(0), group: row.text(1), partition: row.int(2))
        }
    }

    private mutating func readLog(in tx: borrowing SQLTransaction) throws {
        for row in try tx.run("SELECT topic, COUNT(DISTINCT partition) FROM audit_log_groups GROUP BY topic") {
            try setPartitions(row.int(1), of: row.text(0))
        }
    }
}
