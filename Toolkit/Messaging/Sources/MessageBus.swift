public import MartletCore

/// A broker: publishes events and delivers them to consumer groups, at least once.
///
/// Its guarantees are minimal: order per key and parking are implemented by the consumer. Events of equal keys share a
/// partition, and each partition of a group belongs to one member at a time, which receives new events in publication
/// order; redeliveries may arrive in any order.
public protocol MessageBus: Sendable {
    /// Makes topics and groups known, before they are published to and joined; a repeat does nothing.
    ///
    /// A broker may refuse others, with an error that names them. What exists stays as it is, but for its retention. A
    /// declaration that is refused makes nothing.
    ///
    /// - Throws: `Fault`: `invalidArgument` for an invalid name, `permissionDenied` for a topic or group that the service may
    ///   not use, as a ``BusPolicy`` decides; otherwise as ``publish(_:)``.
    func declare(_ declaration: BusDeclaration) async throws

    /// Stores the events of one batch durably, in order, before it returns. A repeat may store them twice.
    ///
    /// An event that cannot be stored, such as one of a topic that does not exist, is refused, and with it the later ones
    /// of its topic and key in the batch; the others are stored.
    ///
    /// - Returns: One outcome for each event, in their order.
    /// - Throws: `Fault`, about the whole batch: `resourceExhausted` when a limit is reached, `unavailable` or
    ///   `deadlineExceeded` when the outcome is unknown.
    @discardableResult
    func publish(_ events: [Envelope]) async throws -> [PublishOutcome]

    /// Joins `group` on `topic` as a member; partitions are distributed among the members.
    ///
    /// - Parameters:
    ///   - topic: The topic's name.
    ///   - group: The group's name, usually the consuming service's.
    ///   - start: Where the group starts if it is new to the bus; with `again`, also when it is known. That is stored
    ///     durably before the call returns.
    /// - Throws: `Fault`: `permissionDenied` as for ``declare(_:)``, `failedPrecondition` for a topic or group that a broker
    ///   refuses because it was not declared; otherwise as ``publish(_:)``.
    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember

    /// The topics and groups that exist, with what has been published and acknowledged.
    func status() async throws -> [TopicStatus]
}

extension MessageBus {
    /// For brokers whose topics and groups are made by their use, or by their operators: does nothing.
    public func declare(_ declaration: BusDeclaration) async throws {}
}

/// Where a new group starts.
public enum GroupStart: Sendable, Hashable {
    /// At the oldest event that the topic still stores.
    case earliest
    /// After the newest event.
    case latest
    /// At the oldest event that the topic still stores, also for a group that exists: what it has acknowledged is delivered
    /// again.
    ///
    /// For a consumer whose database was restored. Other members of the group keep their membership; what they have in
    /// flight is delivered again, too. A subscription has one of the other two.
    case again
}

/// One member's view of a group: at-least-once delivery of the partitions that it owns.
///
/// Used by one task. Deliveries that it does not acknowledge in time are redelivered to other members, including
/// waiting ones.
public protocol GroupMember: Sendable {
    /// True when the group has been given every event of its topic from the first one, when this member joined: then the
    /// first event of each key is delivered, and no later one is taken for it. False where the bus does not know.
    var isWhole: Bool { get }
    /// What the bus has removed before the group acknowledged it, and does not know to be stored by the group's service,
    /// when this member joined; oldest first. After a join with ``GroupStart/again`` also what the service had stored.
    ///
    /// Empty where the bus removes nothing of a group. A bus may leave out the newest ones, for a later member.
    var losses: [GroupLoss] { get }

    /// Suspends until there is at least one delivery; returns at most `limit` of them, in partition order.
    ///
    /// - Throws: `CancellationError`; `Fault` when the bus is unavailable: leave, then join again.
    func receive(limit: Int) async throws -> [Delivery]
    /// Marks deliveries as done: they are not redelivered to any member. A repeat does nothing.
    func acknowledge(_ deliveries: [DeliveryID]) async throws
    /// Requests redelivery (nack), not before `delay` has passed.
    func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws
    /// Marks losses as durably stored by the group's service, which keeps them from now on. A repeat does nothing.
    func acknowledge(losses: [GroupLoss]) async throws
    /// Ends the membership; unacknowledged deliveries are redelivered to other members.
    func leave() async
}

/// One event as delivered to a group.
public struct Delivery: Sendable, Hashable {
    public let id: DeliveryID
    public let event: Envelope
    /// 1 for the first delivery to the group; approximate, since the bus may lose the count.
    public let attempt: Int

    public init(id: DeliveryID, event: Envelope, attempt: Int) {
        self.id = id
        self.event = event
        self.attempt = attempt
    }
}

/// Identifies a delivery for its acknowledgement: a position in a partition.
public struct DeliveryID: Sendable, Hashable, Comparable {
    public let partition: Int
    public let offset: Int64

    public init(partition: Int, offset: Int64) {
        self.partition = partition
        self.offset = offset
    }

    public static func < (left: DeliveryID, right: DeliveryID) -> Bool {
        (left.partition, left.offset) < (right.partition, right.offset)
    }
}

/// A topic's status, for operators.
public struct TopicStatus: Sendable, Hashable {
    public struct Group: Sendable, Hashable {
        public let name: String
        public let acknowledged: Int64
        /// Published and not acknowledged.
        public let lag: Int64
        /// Members at the moment; 0 when the broker does not report it.
        public var members = 0
        /// When it last had a member; `nil` when it never had one, or the broker does not report it.
        public var lastSeen: Timestamp?
        /// Whether it has had no member for long: an operator removes it, or starts its service.
        public var isAbandoned = false
        /// Events that were purged or removed before it acknowledged them, that its service has not stored yet, and that no
        /// operator has confirmed.
        public var lost: Int64 = 0

        public init(name: String, acknowledged: Int64, lag: Int64) {
            self.name = name
            self.acknowledged = acknowledged
            self.lag = lag
        }
    }

    public let topic: String
    public let published: Int64
    /// By name.
    public let groups: [Group]
    /// 0 when the broker does not report them.
    public var partitions = 0
    /// What the topic's publisher declares, when the topic was made with another number, which stays; otherwise `nil`.
    public var declaredPartitions: Int?

    public init(topic: String, published: Int64, groups: [Group]) {
        self.topic = topic
        self.published = published
        self.groups = groups
    }
}
