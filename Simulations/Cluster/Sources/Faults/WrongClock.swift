import MartletCore

/// How far a wall clock may be wrong, or jump.
enum WrongClock {
    /// For a machine whose clock times stored data, in seconds.
    private static let errorMax: UInt64 = 120
    /// Sometimes for any other machine, in seconds.
    private static let farErrorMax: UInt64 = 4 * 24 * 3_600

    /// - Parameter timesStoredData: Whether stored times come from this clock.
    static func error(timesStoredData: Bool, _ entropy: any Entropy) -> Duration {
        let errorMax = !timesStoredData && entropy.number(below: 2) == 0 ? farErrorMax : errorMax
        return .seconds(Int64(entropy.number(below: 2 * errorMax)) - Int64(errorMax))
    }
}
