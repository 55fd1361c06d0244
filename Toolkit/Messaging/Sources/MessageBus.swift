/// What a broker must be able to do.
///
/// It promises little: order per key and parking are the consumer's own. Events of equal keys share a partition, and each
/// partition of a group belongs to one member at a time, which is given new events in the order of their publication; what came
/// back may come in any order.
public protocol MessageBus: Sendable {
    /// Stores the events of one batch durably, in order, and then answers. A repeat may store them twice.
    ///
    /// - Throws: `Fault`: `resourceExhausted` when a limit is reached, `unavailable` or `deadlineExceeded` when it is not known
    ///   whether they were stored.
    func publish(_ events: [Envelope]) async throws

    /// Joins `group` on `topic` as one of its members; partitions are shared out among the members.
    ///
    /// - Parameter start: Where a group begins that the bus has never seen.
    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember

    /// The topics and groups that exist, with what has been published and acknowledged.
    func status() async throws -> [TopicStatus]
}

/// Where a new group begins.
public enum GroupStart: Sendable, Hashable {
    /// With the oldest event that the topic still holds.
    case earliest
    /// With what is published from now on.
    case latest
}

/// One member's view of a group: at-least-once delivery of the partitions that it owns.
///
/// Used by one task. What it holds for too long goes to others, also while they wait.
public protocol GroupMember: Sendable {
    /// Suspends until there is at least one delivery; returns at most `limit` of them, in partition order.
    ///
    /// - Throws: `CancellationError`; `Fault` when the bus is away: the member must then be left and joined anew.
    func receive(limit: Int) async throws -> [Delivery]
    /// These are done and are not delivered again, to any member. A repeat does nothing.
    func acknowledge(_ deliveries: [DeliveryID]) async throws
    /// These are to be delivered again, not before `pause` has passed.
    func giveBack(_ deliveries: [DeliveryID], after pause: Duration) async throws
    /// Ends the membership; what was not acknowledged goes to others.
    func leave() async
}

/// One event as a group gets it.
public struct Delivery: Sendable, Hashable {
    public let id: DeliveryID
    public let event: Envelope
    /// 1 for the first delivery to the group, as far as the bus knows.
    public let attempt: Int

    public init(id: DeliveryID, event: Envelope, attempt: Int) {
        self.id = id
        self.event = event
        self.attempt = attempt
    }
}

/// Names a delivery for its acknowledgement: a position in a partition.
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

/// A topic as an operator sees it.
public struct TopicStatus: Sendable, Hashable {
    public struct Group: Sendable, Hashable {
        public let name: String
        public let acknowledged: Int64
        /// Published and not acknowledged.
        public let lag: Int64

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

    public init(topic: String, published: Int64, groups: [Group]) {
        self.topic = topic
        self.published = published
        self.groups = groups
    }
}
