import MartletCore

/// How much an event log holds, hands out and keeps.
public struct EventLogLimits: Sendable {
    /// Of a topic, fixed when it is first used.
    ///
    /// At least 1.
    public var partitions = 8
    /// Deliveries that one member may hold without acknowledging them, at most.
    public var window = 1_000
    /// Bytes of bodies that one receive hands out, but for a single larger body.
    public var deliveryBytes = 1 << 20
    /// Events of one publication.
    public var batch = 1_000
    /// Of one event's body, in bytes.
    public var body = 1 << 20
    /// How long a member may hold a delivery before it is thought dead and expelled.
    public var holding = Duration.seconds(300)
    /// How long an event stays that every group has acknowledged.
    public var retention = Duration.seconds(7 * 24 * 3_600)
    /// By topic, where it differs from `retention`.
    public var retentions: [String: Duration] = [:]
    /// How long an acknowledgement may stay unwritten.
    ///
    /// What a crash loses of them is delivered again.
    public var acknowledgementPause = Duration.milliseconds(100)
    /// Between two looks for events that have outlived their retention.
    public var purgePause = Duration.seconds(60)
    /// Events that one purge removes.
    public var purgeBatch = 1_000

    public init() {}
}
