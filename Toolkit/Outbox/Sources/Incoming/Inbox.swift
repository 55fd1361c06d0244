import MartletCore
import MartletMessaging
import MartletSQL

/// The inbox of one subscription: handles each event once and in order, and stores the events of parked keys.
struct Inbox: Sendable {
    /// Maximum characters of a stored error.
    static let errorLimit = 500

    let subscription: Subscription

    init(_ subscription: Subscription) { self.subscription = subscription }

    /// Handles the event when it is the next of its key, and advances the key's position, all in `tx`.
    ///
    /// - Parameter acceptingBase: Whether a key's first event may have any sequence number, whatever the start.
    func process(_ event: Envelope, acceptingBase: Bool, in tx: borrowing SQLTransaction) throws -> InboxDecision {
        let decision = try decide(on: event, acceptingBase: acceptingBase, in: tx)
        switch decision {
        case .handle:
            try subscription.apply(event, in: tx)
            try advance(to: event, in: tx)
        case .enqueue:
            try store(event, error: "waits behind a parked event", attempts: 0, in: tx)
            try advance(to: event, in: tx)
        case .duplicate, .obsolete, .gap:
            break
        }
        return decision
    }

    /// Makes the event the first of its key when the group has seen none of the key: later events wait for it.
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
    ) throws -> InboxDecision {
        let decision = try decide(on: event, acceptingBase: acceptingBase, in: tx)
        guard decision == .handle || decision == .enqueue else { return decision }
        try tx.run(
            """
            INSERT INTO inbox_parked_keys (group_name, topic, key, redriving)
            VALUES (\(subscription.group), \(event.topic), \(event.key), 0) ON CONFLICT DO NOTHING
            """
        )
        try store(event, error: error, attempts: attempts, in: tx)
        try advance(to: event, in: tx)
        return .enqueue
    }

    /// Handles the first parked event of a key under redrive.
    ///
    /// - Returns: False when nothing is left to redrive.
    func redriveFirst(of key: String, in tx: borrowing SQLTransaction) throws -> Bool {
        let (group, topic) = (subscription.group, subscription.topic)
        guard try ParkedMessages.isRedriving(group: group, topic: topic, key: key, in: tx) else { return false }
        let parked = try ParkedMessages.rows(group: group, topic: topic, key: key, limit: 1, in: tx)
        if let first = parked.first {
            try subscription.apply(first.event, in: tx)
            try ParkedMessages.remove(first, in: tx)
        }
        return try !ParkedMessages.unparkIfEmpty(group: group, topic: topic, key: key, in: tx)
    }

    /// The handler failed again: the key stays parked until the next redrive.
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

    private func decide(
        on event: Envelope,
        acceptingBase: Bool,
        in tx: borrowing SQLTransaction
    ) throws -> InboxDecision {
        let position = try tx.run(
            """
            SELECT epoch, last_sequence FROM inbox_positions WHERE group_name = \(subscription.group)
                AND topic = \(event.topic) AND key = \(event.key) AND source = \(event.source)
            """
        ).first.map { try InboxPosition(epoch: $0.int(0), last: $0.int64(1)) }
        let parked = try tx.run(
            """
            SELECT 1 FROM inbox_parked_keys WHERE group_name = \(subscription.group)
                AND topic = \(event.topic) AND key = \(event.key)
            """
        )
        return InboxPosition.decision(
            on: event,
            at: position,
            isParked: !parked.isEmpty,
            anyBase: acceptingBase || subscription.start == .latest
        )
    }

    private func advance(to event: Envelope, in tx: borrowing SQLTransaction) throws {
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
