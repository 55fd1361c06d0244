import MartletMessaging

/// What is to be done with an event that arrives.
public enum InboxVerdict: Sendable, Hashable {
    /// It is the next of its key: it takes effect.
    case effect
    /// It is the next of its key, and the key is parked: it is stored behind what waits already.
    case behind
    /// It was taken before.
    case duplicate
    /// It belongs to an epoch of its source that has ended.
    case stale
    /// One before it has not arrived: it must come again later.
    case gap

    /// True when the bus need not deliver it again.
    var isDone: Bool { self != .gap }
}

/// How far a group has come with one key of one source.
struct InboxPosition: Sendable, Hashable {
    let epoch: Int
    let last: Int64

    /// - Parameters:
    ///   - position: `nil` when the group has seen nothing of the key.
    ///   - anyBase: Whether the first event of a key may carry any number, or must carry 1.
    static func verdict(
        on event: Envelope,
        at position: InboxPosition?,
        isParked: Bool,
        anyBase: Bool
    ) -> InboxVerdict {
        let next: InboxVerdict = isParked ? .behind : .effect
        guard event.sequence >= 1 else { return .stale }
        guard let position, position.epoch >= event.epoch else {
            return anyBase || event.sequence == 1 ? next : .gap
        }
        guard position.epoch == event.epoch else { return .stale }
        guard event.sequence > position.last else { return .duplicate }
        return event.sequence == position.last + 1 ? next : .gap
    }
}
