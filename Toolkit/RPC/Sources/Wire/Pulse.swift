/// Whether the peer of a connection still lives, as a value: silence of one interval asks, of two gives up.
struct Pulse {
    enum Beat: Equatable {
        case nothing, ask, giveUp
    }

    private var heard = true
    private var asked = false

    mutating func bytesArrived() {
        heard = true
        asked = false
    }

    /// One interval is over.
    mutating func intervalOver() -> Beat {
        defer { heard = false }
        if heard { return .nothing }
        if asked { return .giveUp }
        asked = true
        return .ask
    }
}
