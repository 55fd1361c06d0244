import MartletMessaging

/// What to do with a received event.
public enum InboxDecision: Sendable, Hashable {
    /// The next event of its key: it is handled.
    case handle
    /// The next event of a parked key: it is stored behind the key's parked events.
    case enqueue
    /// It was processed before.
    case duplicate
    /// It belongs to an ended epoch of its source.
    case obsolete
    /// An earlier event of its key is missing: it must be redelivered.
    case gap

    /// True when the bus need not deliver it again.
    var isDone: Bool { self != .gap }
}

/// A group's position in one key of one source.
struct InboxPosition: Sendable, Hashable {
    let epoch: Int
    let last: Int64

    /// - Parameters:
    ///   - position: `nil` when the group has seen no event of the key.
    ///   - anyBase: Whether the first event of a key may have any sequence number, or must have 1.
    static func decision(
        on event: Envelope,
        at position: InboxPosition?,
        isParked: Bool,
        anyBase: Bool
    ) -> InboxDecision {
        let next: InboxDecision = isParked ? .enqueue : .handle
        guard event.sequence >= 1 else { return .obsolete }
        guard let position, position.epoch >= event.epoch else {
            return anyBase || event.sequence == 1 ? next : .gap
        }
        guard position.epoch == event.epoch else { return .obsolete }
        guard event.sequence > position.last else { return .duplicate }
        return event.sequence == position.last + 1 ? next : .gap
    }
}
