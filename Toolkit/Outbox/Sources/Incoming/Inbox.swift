import MartletCore
import MartletMessaging
import MartletSQL

/// The inbox of one subscription: handles each event once and in order, and stores the events of parked keys.
struct Inbox: Sendable {
    /// Maximum characters of a stored error.
    static let errorLimit = 500
    /// How long the first event of a key waits when its number is not 1 and it is not known since when the key exists: an
    /// earlier one may come after it.
    static let basePatience = Duration.seconds(2)

    let subscription: Subscription
    let group: GroupBeginning
    /// Since when the consumer receives events: before, nothing could close a gap.
    private let joined: Timestamp?
    /// Of the batch; `nil` when nothing of it is recorded.
    private(set) var spans: HandlingSpans?

    /// - Parameters:
    ///   - group: When the group began; `nil` for deliveries without a bus, which are expected from the first event.
    ///   - joined: When the consumer joined its group, by the database's clock; `nil` when no bus delivers.
    init(_ subscription: Subscription, group: GroupBeginning? = nil, joined: Timestamp? = nil) {
        self.subscription = subscription
        self.joined = joined
        self.group = group ?? .withoutBus(subscription.start)
    }

    /// The same inbox for one attempt at a batch.
    func recording(_ spans: HandlingSpans?) -> Inbox {
        var inbox = self
        inbox.spans = spans
        return inbox
    }

    /// Handles the event when it is the next of its key, and advances the key's position, all in `tx`.
    ///
    /// - Parameters:
    ///   - patience: How long events behind a gap wait before they are parked; `nil`: permanently.
    ///   - passesMarkers: Whether the event is handled although it has a marker, which is removed.
    /// - Throws: ``EventIsMarked``, when the event has a marker that it must not pass; what the handler throws.
    func process(
        _ event: Envelope,
        patience: Duration?,
        passesMarkers: Bool,
        in tx: borrowing SQLTransaction
    ) throws -> InboxDecision {
        var (key, decision) = try decide(on: event, in: tx)
        if decision == .handle, let patience, event.keySince == nil, key.begins(with: EventNumber(event)) {
            let since = try rows(of: event).wait(at: EventNumber(event), in: tx)
            guard try since + min(patience, Self.basePatience) <= tx.date else { return .gap }
        }
        switch decision {
        case .handle:
            // What has a marker waits: other events are not looked up.
            if !key.waiting.isEmpty { try passMarker(of: event, isPermitted: passesMarkers, in: tx) }
            try subscription.apply(event, as: spans?.scope(of: event), in: tx)
            try advance(&key, to: event, in: tx)
            // It has closed a gap: what is parked behind it is handled next.
            if key.isParked { try setRedriving(event.key, in: tx) }
        case .enqueue:
            try store(event, error: "waits behind a parked event", attempts: 0, in: tx)
            try rows(of: event).advanceOverParked(&key, in: tx)
        case .gap:
            let since = try rows(of: event).wait(at: EventNumber(event), in: tx)
            guard let patience, try max(since, joined ?? since) + patience <= tx.date else { break }
            // The position stays: the missing event is handled when it comes.
            try parkKey(event.key, in: tx)
            try store(event, error: Gaps.parkedError, attempts: 0, in: tx)
            return .enqueue
        case .late:
            try LateEvents.store(event, group: subscription.group, in: tx)
        case .before:
            try GroupRows.countBefore(subscription, in: tx)
        case .duplicate, .marked:
            break
        }
        return decision
    }

    private func passMarker(of event: Envelope, isPermitted: Bool, in tx: borrowing SQLTransaction) throws {
        let attempt = AttemptRows(group: subscription.group, event: event)
        guard try attempt.read(in: tx) != nil else { return }
        guard isPermitted else { throw EventIsMarked() }
        try attempt.remove(in: tx)
    }

    /// Stores that events of newer epochs wait for this one, which is redelivered.
    func wait(at event: Envelope, in tx: borrowing SQLTransaction) throws {
        let (_, decision) = try decide(on: event, in: tx)
        guard decision == .handle || decision == .gap else { return }
        _ = try rows(of: event).wait(at: EventNumber(event), in: tx)
    }

    /// Parks the event, and with it its key.
    ///
    /// Does nothing when the event is not the next of its key any more.
    func park(
        _ event: Envelope,
        error: String,
        attempts: Int,
        in tx: borrowing SQLTransaction
    ) throws -> InboxDecision {
        var (key, decision) = try decide(on: event, in: tx)
        guard decision == .handle || decision == .enqueue else { return decision }
        try parkKey(event.key, in: tx)
        try store(event, error: error, attempts: attempts, in: tx)
        try AttemptRows(group: subscription.group, event: event).remove(in: tx)
        if decision == .handle { try advance(&key, to: event, in: tx) }
        try rows(of: event).advanceOverParked(&key, in: tx)
        return .enqueue
    }

    /// Handles the first parked event of a key under redrive.
    ///
    /// The redrive ends at a missing event; the key stays parked.
    ///
    /// - Returns: False when nothing is left to redrive.
    func redriveFirst(
        of key: String,
        releasing holder: AttemptMarker.Holder,
        in tx: borrowing SQLTransaction
    ) throws -> Bool {
        let (group, topic) = (subscription.group, subscription.topic)
        guard try ParkedMessages.isRedriving(group: group, topic: topic, key: key, in: tx) else { return false }
        let parked = try ParkedMessages.rows(group: group, topic: topic, key: key, limit: 1, in: tx)
        if let first = parked.first {
            let number = EventNumber(first.event)
            var (stored, _) = try rows(of: first.event).read(for: number, in: tx)
            if number.epoch >= stored.epoch, !stored.covers(number) {
                guard stored.isNext(number, acceptsBase: self.group.acceptsBase(keySince: first.event.keySince)) else {
                    try endRedrive(of: key, in: tx)
                    try releaseMarker(of: first.event, by: holder, in: tx)
                    return false
                }
                try advance(&stored, to: first.event, in: tx)
            }
            try subscription.apply(first.event, as: spans?.scope(of: first.event), in: tx)
            try ParkedMessages.remove(first, in: tx)
        }
        return try !ParkedMessages.unparkIfEmpty(group: group, topic: topic, key: key, in: tx)
    }

    /// The handler failed again: the key stays parked until the next redrive.
    ///
    /// - Parameters:
    ///   - attempts: How many attempts failed.
    ///   - holder: Its marker of the event is released.
    func stopRedrive(
        of key: String,
        error: String,
        attempts: Int,
        releasing holder: AttemptMarker.Holder,
        in tx: borrowing SQLTransaction
    ) throws {
        let (group, topic) = (subscription.group, subscription.topic)
        try endRedrive(of: key, in: tx)
        guard let first = try ParkedMessages.rows(group: group, topic: topic, key: key, limit: 1, in: tx).first else {
            return
        }
        try tx.run(
            """
            UPDATE inbox_parked SET error = \(String(error.prefix(Self.errorLimit))), attempts = attempts + \(attempts)
            WHERE group_name = \(group) AND topic = \(topic) AND key = \(key) AND source = \(first.event.source)
                AND epoch = \(first.event.epoch) AND sequence = \(first.event.sequence)
            """
        )
        try releaseMarker(of: first.event, by: holder, in: tx)
    }

    private func endRedrive(of key: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            UPDATE inbox_parked_keys SET redriving = 0
            WHERE group_name = \(subscription.group) AND topic = \(subscription.topic) AND key = \(key)
            """
        )
    }

    private func setRedriving(_ key: String, in tx: borrowing SQLTransaction) throws {
        _ = try ParkedMessages.redrive(group: subscription.group, topic: subscription.topic, key: key, in: tx)
    }

    func parkKey(_ key: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO inbox_parked_keys (group_name, topic, key, redriving)
            VALUES (\(subscription.group), \(subscription.topic), \(key), 0) ON CONFLICT DO NOTHING
            """
        )
    }

    func rows(of event: Envelope) -> InboxKeyRows { InboxKeyRows(group: subscription.group, event: event) }

    func decide(
        on event: Envelope,
        in tx: borrowing SQLTransaction
    ) throws -> (key: InboxKey, decision: InboxDecision) {
        let number = EventNumber(event)
        let (key, record) = try rows(of: event).read(for: number, in: tx)
        let decision = key.decision(
            on: number,
            at: event.time,
            since: event.keySince,
            record: record,
            group: group
        )
        return (key, decision)
    }

    private func advance(_ key: inout InboxKey, to event: Envelope, in tx: borrowing SQLTransaction) throws {
        try rows(of: event).advance(&key, to: EventNumber(event), in: tx)
    }

    func store(
        _ event: Envelope,
        error: String,
        attempts: Int,
        in tx: borrowing SQLTransaction
    ) throws {
        try tx.run(
            """
            INSERT INTO inbox_parked (group_name, topic, key, source, epoch, sequence, id, time, key_since, traceparent,
                tenant, type, content_type, body, error, attempts, parked_at)
            VALUES (\(subscription.group), \(event.topic), \(event.key), \(event.source), \(event.epoch),
                \(event.sequence), \(event.id), \(event.time.microseconds), \(event.keySince?.microseconds),
                \(event.traceparent), \(event.tenant), \(event.type?.name), \(event.type?.contentType), \(event.body),
                \(String(error.prefix(Self.errorLimit))), \(attempts), \(tx.date.microseconds))
            """
        )
    }
}
