public import MartletCore

/// The backlog of unsent events is at its limit: writes that append events are refused until the broker accepts some.
public struct OutboxFull: FaultConvertible {
    public var fault: Fault {
        Fault(.unavailable, .overloaded, "too many events wait to be published", retryAfter: .seconds(1))
    }
}
