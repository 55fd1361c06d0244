import MartletCore

/// The limits of an event log: capacity, delivery, retention and intervals.
public struct EventLogLimits: Sendable {
    /// Partitions of a topic that declares none, fixed when it is made.
    ///
    /// At least 1.
    public var partitions = 8
    /// Maximum unacknowledged deliveries of one member.
    public var window = 1_000
    /// Maximum bytes of bodies that one receive returns, except for a single larger body.
    public var deliveryBytes = 1 << 20
    /// Maximum events of one publication.
    public var batch = 1_000
    /// Maximum bytes of one event's body.
    public var body = 1 << 20
    /// How long a delivery may stay unacknowledged before its member is presumed dead and removed.
    public var acknowledgementTimeout = Duration.seconds(300)
    /// How long an event is stored; longer while a group has not acknowledged it.
    public var retention = Duration.seconds(7 * 24 * 3_600)
    /// Overrides of `retention` and of what a topic declares, by topic.
    public var retentions: [String: Duration] = [:]
    /// Between two writes of acknowledgements.
    ///
    /// Deliveries whose acknowledgement a crash loses are redelivered.
    public var flushInterval = Duration.milliseconds(100)
    /// Between two purges of events that are past their retention.
    public var purgeInterval = Duration.seconds(60)
    /// Maximum events that one purge transaction removes.
    public var purgeBatch = 1_000

    /// Whether topics and groups that were not declared are made by their use: for tests and evaluation.
    public var acceptsUndeclared = false
    /// After this time without a member a group counts as abandoned: the log raises an alarm.
    public var groupAlarm = Duration.seconds(24 * 3_600)
    /// After this time without a member a group no longer keeps events that are past their retention.
    ///
    /// What is purged before it acknowledged it is booked as a loss.
    public var groupLimit = Duration.seconds(30 * 24 * 3_600)
    /// Before the log has run for this time, nothing is purged past a group: its service may be starting, too.
    public var groupGrace = Duration.seconds(3_600)

    public init() {}
}
