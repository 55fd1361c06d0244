/// The topics and groups that a service uses, declared before their use: a wrong name is refused, and makes nothing.
public struct BusDeclaration: Sendable, Hashable {
    public var topics: [TopicPlan]
    public var groups: [GroupPlan]

    public init(topics: [TopicPlan] = [], groups: [GroupPlan] = []) {
        self.topics = topics
        self.groups = groups
    }
}

/// What a topic is to be like.
public struct TopicPlan: Sendable, Hashable {
    /// Maximum partitions.
    public static let partitionsLimit = 256
    /// Maximum retention: ten years.
    public static let retentionLimit = Duration.seconds(315_360_000)

    public let name: String
    /// 1 to ``partitionsLimit``; fixed when the topic is made; `nil` for the broker's own number.
    ///
    /// A broker keeps what the topic has, and may state the difference in ``TopicStatus/declaredPartitions``.
    public let partitions: Int?
    /// How long an event is stored after every group has acknowledged it, in whole seconds, 1 s to ``retentionLimit``;
    /// `nil` for the broker's own time.
    public let retention: Duration?

    public init(_ name: String, partitions: Int? = nil, retention: Duration? = nil) {
        precondition(partitions.map { 1...Self.partitionsLimit ~= $0 } ?? true)
        precondition(retention.map { .seconds(1)...Self.retentionLimit ~= $0 } ?? true)
        self.name = name
        self.partitions = partitions
        self.retention = retention
    }
}

/// A consumer group of a topic.
public struct GroupPlan: Sendable, Hashable {
    public let topic: String
    public let group: String

    public init(topic: String, group: String) {
        self.topic = topic
        self.group = group
    }
}
