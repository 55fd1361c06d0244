import MartletCore

/// How far a wall clock may be wrong, or jump.
enum WrongClock {
    /// Of a machine that judges what is stored, in seconds.
    private static let limit: UInt64 = 120
    /// Of any other, now and then.
    private static let farLimit: UInt64 = 4 * 24 * 3_600

    /// - Parameter judges: Whether what is stored goes by this clock.
    static func error(judges: Bool, _ entropy: any Entropy) -> Duration {
        let limit = !judges && entropy.number(below: 2) == 0 ? farLimit : limit
        return .seconds(Int64(entropy.number(below: 2 * limit)) - Int64(limit))
    }
}
