import MartletCore
import MartletMessaging
import MartletSQL

/// One subscription's side of the tables: takes events once and in order, and keeps those of parked keys.
struct Inbox: Sendable {
    /// Of a stored error, in characters.
    static let errorLimit = 500

    let subscription: Subscription

    init(_ subscription: Subscription) { self.subscription = subscription }

    /// Judges the event, lets it take effect when it is the next of its key, and moves the position, all in `tx`.
    ///
    /// - Parameter acceptingBase: Whether a key's first event may carry any number, whatever the subscription's start.
    func take(_ event: Envelope, acceptingBase: Bool, in tx: borrowing SQLTransaction) throws -> InboxVerdict {
        let verdict = try judge(event, acceptingBase: acceptingBase, in: tx)
        switch verdict {
        case .effect:
            try subscription.apply(event, in: tx)
            try move(to: event, in: tx)
        case .behind:
            try store(event, error: "waits behind a parked event", attempts: 0, in: tx)
            try move(to: event, in: tx)
        case .duplicate, .stale, .gap:
            break
        }
        return verdict
    }

    /// Makes the event the first of its key when the group has seen none: later ones wait for it.
    func begin(at event: Envelope, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO inbox_positions (group_name, topic, key, source, epoch, last_sequence)
            VALUES (\(subscription.group), \(event.topic), \(event.key), \(event.source), \(event.epoch),
                \(event.sequence - 1)) ON CONFLICT DO NOTHING
            """
        )
    }

    /// Parks the event, and with it its key.
    ///
    /// Does nothing when the event is not the next of its key any more.
    func park(
        _ event: Envelope,
        error: String,
        attempts: Int,
        acceptingBase: Bool,
        in tx: borrowing SQLTransaction
    ) throws -> InboxVerdict {
        let verdict = try judge(event, acceptingBase: acceptingBase, in: tx)
        guard verdict == .effect || verdict == .behind else { return verdict }
        try tx.run(
            """
            INSERT INTO inbox_parked_keys (group_name, topic, key, redriving)
            VALUES (\(subscription.group), \(event.topic), \(event.key), 0) ON CONFLICT DO NOTHING
            """
        )
        try store(event, error: error, attempts: attempts, in: tx)
        try move(to: event, in: tx)
        return .behind
    }

    /// Lets the first parked event of a key under redrive take effect.
    ///
    /// - Returns: False when nothing is left to do; the key is then free.
    func redriveFirst(of key: String, in tx: borrowing SQLTransaction) throws -> Bool {
        let (group, topic) = (subscription.group, subscription.topic)
        guard try ParkedMessages.isRedriving(group: group, topic: topic, key: key, in: tx) else { return false }
        let waiting = try ParkedMessages.rows(group: group, topic: topic, key: key, limit: 1, in: tx)
        if let first = waiting.first {
            try subscription.apply(first.event, in: tx)
            try ParkedMessages.remove(first, in: tx)
        }
        return try !ParkedMessages.freeIfEmpty(group: group, topic: topic, key: key, in: tx)
    }

    /// The effect failed again: the key stays parked until the next redrive.
    func stopRedrive(of key: String, error: String, in tx: borrowing SQLTransaction) throws {
        let (group, topic) = (subscription.group, subscription.topic)
        try tx.run(
            """
            UPDATE inbox_parked_keys SET redriving = 0
            WHERE group_name = \(group) AND topic = \(topic) AND key = \(key)
            """
        )
        guard let first = try ParkedMessages.rows(group: group, topic: topic, key: key, limit: 1, in: tx).first else {
            return
        }
        try tx.run(
            """
            UPDATE inbox_parked SET error = \(String(error.prefix(Self.errorLimit))), attempts = attempts + 1
            WHERE group_name = \(group) AND topic = \(topic) AND key = \(key) AND source = \(first.event.source)
                AND epoch = \(first.event.epoch) AND sequence = \(first.event.sequence)
            """
        )
    }

    private func judge(_ event: Envelope, acceptingBase: Bool, in tx: borrowing SQLTransaction) throws -> InboxVerdict {
        let known = try tx.run(
            """
            SELECT epoch, last_sequence FROM inbox_positions WHERE group_name = \(subscription.group)
                AND topic = \(event.topic) AND key = \(event.key) AND source = \(event.source)
            """
        ).first.map { InboxPosition(epoch: $0.int(0), last: $0.int64(1)) }
        let parked = try tx.run(
            """
            SELECT 1 FROM inbox_parked_keys WHERE group_name = \(subscription.group)
                AND topic = \(event.topic) AND key = \(event.key)
            """
        )
        return InboxPosition.verdict(
            on: event,
            at: known,
            isParked: !parked.isEmpty,
            anyBase: acceptingBase || subscription.start == .latest
        )
    }

    private func move(to event: Envelope, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO inbox_positions (group_name, topic, key, source, epoch, last_sequence)
            VALUES (\(subscription.group), \(event.topic), \(event.key), \(event.source), \(event.epoch), \(event.sequence))
            ON CONFLICT (group_name, topic, key, source)
            DO UPDATE SET epoch = excluded.epoch, last_sequence = excluded.last_sequence
            """
        )
    }

    private func store(
        _ event: Envelope,
        error: String,
        attempts: Int,
        in tx: borrowing SQLTransaction
    ) throws {
        try tx.run(
            """
            INSERT INTO inbox_parked (group_name, topic, key, source, epoch, sequence, id, time, traceparent, tenant, body,
                error, attempts, parked_at)
            VALUES (\(subscription.group), \(event.topic), \(event.key), \(event.source), \(event.epoch),
                \(event.sequence), \(event.id), \(event.time.microseconds), \(event.traceparent), \(event.tenant),
                \(event.body), \(String(error.prefix(Self.errorLimit))), \(attempts), \(tx.date.microseconds))
            """
        )
    }
}
