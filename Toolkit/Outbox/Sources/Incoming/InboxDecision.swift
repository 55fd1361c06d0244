/// What to do with a received event.
public enum InboxDecision: Sendable, Hashable {
    /// The next event of its key: it is handled.
    case handle
    /// An event of a parked key: it is stored among the key's parked events.
    case enqueue
    /// It was processed before.
    case duplicate
    /// It comes after a newer epoch of its key has begun, or its number was skipped: it is stored apart.
    case late
    /// It was committed before its group began with the latest event: it is counted.
    case before
    /// An earlier event of its key is missing: it must be redelivered.
    case gap
    /// A process may be handling it, or have ended while it did: it must be redelivered.
    case marked

    /// True when the bus need not deliver it again.
    var isDone: Bool { self != .gap && self != .marked }
}
