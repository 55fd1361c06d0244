public import MartletCore

extension Runtime {
    /// A runtime for tests, whose random numbers follow from `seed`.
    ///
    /// Equal seeds begin with equal numbers.
    public init(time: any TimeSource, seed: UInt64) {
        self.init(time: time, entropy: SeededEntropy(seed: seed))
    }
}
