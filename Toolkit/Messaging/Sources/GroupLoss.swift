public import MartletCore

/// A range of events of a partition that a bus has removed before a group acknowledged them.
///
/// The group will not receive them. Its service stores the loss beside its own data, so that it stays known when the bus
/// has lost its memory.
public struct GroupLoss: Sendable, Hashable {
    public let partition: Int
    /// The first and the last offset, both inclusive.
    public let offsets: ClosedRange<Int64>
    /// How many events of the range the group had not acknowledged; at least 1.
    public let events: Int
    /// Why they were removed: `purged`, past their retention while the group had no member for long, or `removed`, with
    /// the group by an operator.
    public let reason: String
    /// When the oldest and the newest of them were stored by the bus.
    public let storedAt: ClosedRange<Timestamp>
    /// When the bus removed them.
    ///
    /// With partition and first offset it identifies the loss of a group.
    public let removedAt: Timestamp

    public init(
        partition: Int,
        offsets: ClosedRange<Int64>,
        events: Int,
        reason: String,
        storedAt: ClosedRange<Timestamp>,
        removedAt: Timestamp
    ) {
        self.partition = partition
        self.offsets = offsets
        self.events = events
        self.reason = reason
        self.storedAt = storedAt
        self.removedAt = removedAt
    }
}
