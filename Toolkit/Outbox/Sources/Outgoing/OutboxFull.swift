public import MartletCore

/// Too many events wait for the broker: writes that would add to them are refused until it takes some.
public struct OutboxFull: FaultConvertible {
    public var fault: Fault {
        Fault(.unavailable, .overloaded, "too many events wait to be published", retryAfter: .seconds(1))
    }
}
