package import MartletCore
import MartletMessaging
package import MartletSQL

/// The operator's actions on missing events.
///
/// Each runs in the given transaction, so that an audit row commits with it.
package struct Gaps: Sendable {
    /// Gaps at which a page ends; one key may exceed it.
    static let pageLimit = 500
    /// Maximum listed gaps of one key and source.
    static let keyLimit = 100

    /// The error of an event that was parked because an earlier one did not come.
    static let parkedError = "an earlier event of its key is missing"

    private let subscriptions: [Subscription]

    /// - Parameter subscriptions: The service's.
    package init(_ subscriptions: [Subscription]) { self.subscriptions = subscriptions }

    /// The gaps by group, topic, key and source, after the key `after`; empty when there are no more.
    package func list(after: InboxKeyName? = nil, in tx: borrowing SQLTransaction) throws -> [Gap] {
        var gaps: [Gap] = []
        var last = after
        while gaps.count < Self.pageLimit {
            let names = try names(after: last, in: tx)
            guard !names.isEmpty else { break }
            for name in names where gaps.count < Self.pageLimit {
                gaps += try find(name, in: tx)
                last = name
            }
        }
        return gaps
    }

    /// The number of keys of which an event is parked because an earlier one did not come.
    package static func keysWithGaps(in tx: borrowing SQLTransaction) throws -> Int {
        try tx.run(
            """
            SELECT COUNT(*) FROM (
                SELECT DISTINCT group_name, topic, key FROM inbox_parked WHERE error = \(parkedError)) AS keys
            """
        ).first?.int(0) ?? 0
    }

    /// Gives up the sequences from `first` to `last`, so that what is behind them is handled.
    ///
    /// They are late when they come. A repeat skips nothing.
    ///
    /// - Returns: False when they are not a listed gap, or a part of one, of the oldest epoch that has gaps.
    package func skip(
        _ name: InboxKeyName,
        epoch: Int,
        _ range: ClosedRange<Int64>,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        let (rows, gaps) = (InboxKeyRows(name), try find(name, in: tx))
        let first = EventNumber(epoch: epoch, sequence: range.lowerBound)
        guard gaps.first?.epoch == epoch, gaps.contains(where: { $0.contains(first, through: range.upperBound) })
        else { return false }
        var stored = try rows.readAll(in: tx)
        try rows.skip(first, through: range.upperBound, in: tx)
        if range.lowerBound == stored.last(in: epoch) + 1 {
            try rows.advance(&stored, to: EventNumber(epoch: epoch, sequence: range.upperBound), in: tx)
        }
        try settle(name, in: tx)
        return true
    }

    /// Stores a missing event among the parked ones of its key; it is handled in its order.
    ///
    /// - Parameter time: When it was published; `nil` for the time of the next parked event of its epoch.
    /// - Returns: False when its sequence is not in a listed gap, or no subscription of the group exists.
    package func fill(
        _ name: InboxKeyName,
        epoch: Int,
        sequence: Int64,
        body: [UInt8],
        at time: Timestamp?,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        let number = EventNumber(epoch: epoch, sequence: sequence)
        guard let subscription = subscription(of: name),
            try find(name, in: tx).contains(where: { $0.contains(number, through: sequence) })
        else { return false }
        let times = try times(of: number, given: time, name, in: tx)
        let event = Envelope(
            id: "\(name.source)/\(epoch)/\(name.topic)/\(name.key)/\(sequence)",
            source: name.source,
            epoch: epoch,
            topic: name.topic,
            key: name.key,
            sequence: sequence,
            time: times.committed,
            keySince: times.keySince,
            traceparent: nil,
            type: subscription.type,
            body: body
        )
        let inbox = Inbox(subscription)
        try inbox.parkKey(name.key, in: tx)
        try inbox.store(event, error: "filled by an operator", attempts: 0, in: tx)
        try settle(name, in: tx)
        return true
    }

    /// True when the service has a subscription for the group and topic.
    package func hasSubscription(of name: InboxKeyName) -> Bool { subscription(of: name) != nil }

    /// Redrives the key when its first parked event is the next and waited only for what was missing; moves the position
    /// over what is complete.
    private func settle(_ name: InboxKeyName, in tx: borrowing SQLTransaction) throws {
        let rows = InboxKeyRows(name)
        var stored = try rows.readAll(in: tx)
        if let first = stored.firstParked, !stored.covers(first), stored.isNext(first, acceptsBase: false) {
            _ = try ParkedMessages.redrive(group: name.group, topic: name.topic, key: name.key, in: tx)
        }
        try rows.advanceOverParked(&stored, in: tx)
    }

    private func find(_ name: InboxKeyName, in tx: borrowing SQLTransaction) throws -> [Gap] {
        let rows = InboxKeyRows(name)
        return try rows.gaps(
            rows.readAll(in: tx),
            beginning: beginning(of: name, in: tx),
            limit: Self.keyLimit,
            in: tx
        )
    }

    private func subscription(of name: InboxKeyName) -> Subscription? {
        let wanted = [ExactText(name.group), ExactText(name.topic)]
        return subscriptions.first { [ExactText($0.group), ExactText($0.topic)] == wanted }
    }

    private func beginning(of name: InboxKeyName, in tx: borrowing SQLTransaction) throws -> GroupBeginning {
        guard let subscription = subscription(of: name) else { return .withoutBus(.earliest) }
        return try GroupRows.beginning(of: subscription, in: tx) ?? .withoutBus(subscription.start)
    }

    /// The times of a missing event: the given one, or that of the next parked event of the epoch, or now; and since when
    /// its key exists, as the parked event states.
    ///
    /// Without a parked event the key counts as old as the missing one.
    private func times(
        of number: EventNumber,
        given time: Timestamp?,
        _ name: InboxKeyName,
        in tx: borrowing SQLTransaction
    ) throws -> (committed: Timestamp, keySince: Timestamp?) {
        let next = try tx.run(
            """
            SELECT time, key_since FROM inbox_parked WHERE group_name = \(name.group) AND topic = \(name.topic)
                AND key = \(name.key) AND source = \(name.source) AND epoch = \(number.epoch)
                AND sequence > \(number.sequence) ORDER BY sequence LIMIT 1
            """
        ).first
        guard let next else {
            let committed = try time ?? tx.date
            return (committed, committed)
        }
        let committed = try time ?? Timestamp(microseconds: next.int64(0))
        return (committed, try next.intIfPresent(1).map { Timestamp(microseconds: Int64($0)) })
    }

    /// Keys of which something is parked or redelivered.
    private func names(after: InboxKeyName?, in tx: borrowing SQLTransaction) throws -> [InboxKeyName] {
        let (group, topic) = (after?.group ?? "", after?.topic ?? "")
        let (key, source) = (after?.key ?? "", after?.source ?? "")
        return try tx.run(
            """
            SELECT group_name, topic, key, source FROM (
                SELECT group_name, topic, key, source FROM inbox_parked
                UNION SELECT group_name, topic, key, source FROM inbox_waiting) AS names
            WHERE (group_name, topic, key, source) > (\(group), \(topic), \(key), \(source))
            ORDER BY group_name, topic, key, source LIMIT \(Self.pageLimit)
            """
        ).map { try InboxKeyName(group: $0.text(0), topic: $0.text(1), key: $0.text(2), source: $0.text(3)) }
    }
}
