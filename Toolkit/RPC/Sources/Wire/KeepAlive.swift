/// Detects an unresponsive peer, as a value: after one interval without bytes send a PING, after two close.
struct KeepAlive {
    enum Action: Equatable {
        case nothing, ping, close
    }

    private var received = true
    private var pinged = false

    mutating func bytesArrived() {
        received = true
        pinged = false
    }

    /// One interval is over.
    mutating func intervalOver() -> Action {
        defer { received = false }
        if received { return .nothing }
        if pinged { return .close }
        pinged = true
        return .ping
    }
}
