/// How a call chooses among the instances of a service, and which of them are left out.
public struct InstancePolicy: Sendable {
    /// Instances that one attempt of a call is sent to, one after another, as long as it was certainly not processed.
    ///
    /// At least 1.
    public var triesMax: Int
    /// Failures in a row that eject an instance, at least 1.
    public var failuresLimit: Int
    /// How long the first ejection lasts; each further one without a success in between lasts twice as long.
    public var ejectionMin: Duration
    /// The longest ejection.
    public var ejectionMax: Duration
    /// The share of the instances that may be ejected at a time, 0..<1: never all.
    public var ejectedShareMax: Double

    public init(
        triesMax: Int,
        failuresLimit: Int,
        ejectionMin: Duration,
        ejectionMax: Duration,
        ejectedShareMax: Double
    ) {
        precondition(triesMax >= 1 && failuresLimit >= 1 && (0..<1).contains(ejectedShareMax))
        self.triesMax = triesMax
        self.failuresLimit = failuresLimit
        self.ejectionMin = ejectionMin
        self.ejectionMax = ejectionMax
        self.ejectedShareMax = ejectedShareMax
    }

    /// Three tries, and an ejection of at most half of the instances after five failures in a row, for 1 to 30 seconds.
    public static let standard = InstancePolicy(
        triesMax: 3,
        failuresLimit: 5,
        ejectionMin: .seconds(1),
        ejectionMax: .seconds(30),
        ejectedShareMax: 0.5
    )

    /// How many of so many instances may be ejected at a time.
    func ejectedMax(of count: Int) -> Int { min(count - 1, Int(Double(count) * ejectedShareMax)) }
}
