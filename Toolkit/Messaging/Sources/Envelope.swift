public import MartletCore

/// An event on the bus: CloudEvents attributes, and a sequence number without gaps per source epoch, topic and key.
public struct Envelope: Sendable, Hashable {
    /// Unique per source.
    public let id: String
    /// The publishing service.
    public let source: String
    /// Counts the restores of the source's database from a backup: sequence numbers of different epochs are not
    /// comparable.
    public let epoch: Int
    public let topic: String
    public let key: String
    /// 1, 2, 3, … per source, epoch, topic and key.
    public let sequence: Int64
    /// When the event was committed, by the source's database.
    public let time: Timestamp
    /// When event 1 of its source, epoch, topic and key was committed, by the source's database: a consumer group that
    /// began later may not receive it.
    ///
    /// `nil` when that is not known, as for keys of before this was stored: the key counts as older than any group.
    public let keySince: Timestamp?
    /// The trace of the request that caused it.
    public let traceparent: String?
    /// Reserved; empty today.
    public let tenant: String
    /// What the body is; `nil` for an event that was published before events had types: the type of its topic.
    public let type: EventType?
    /// Of the event's type.
    public let body: [UInt8]

    public init(
        id: String,
        source: String,
        epoch: Int,
        topic: String,
        key: String,
        sequence: Int64,
        time: Timestamp,
        keySince: Timestamp? = nil,
        traceparent: String?,
        tenant: String = "",
        type: EventType? = nil,
        body: [UInt8]
    ) {
        self.id = id
        self.source = source
        self.epoch = epoch
        self.topic = topic
        self.key = key
        self.sequence = sequence
        self.time = time
        self.keySince = keySince
        self.traceparent = traceparent
        self.tenant = tenant
        self.type = type
        self.body = body
    }

    private var texts: [ExactText?] {
        [id, source, topic, key, tenant].map { ExactText($0) } + [traceparent.map { ExactText($0) }]
    }

    public static func == (left: Envelope, right: Envelope) -> Bool {
        left.texts == right.texts && left.epoch == right.epoch && left.sequence == right.sequence
            && left.time == right.time && left.keySince == right.keySince && left.type == right.type
            && left.body == right.body
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(texts)
        hasher.combine(epoch)
        hasher.combine(sequence)
    }
}
