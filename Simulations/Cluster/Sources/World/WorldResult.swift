public import MartletSimulation

/// The result of one run of a ``SimulatedWorld``.
public struct WorldResult: Sendable {
    /// The seed that repeats the run.
    public let seed: UInt64
    /// What is wrong, in words; empty for a sound run.
    ///
    /// First what the run itself found (it did not end, it did not become quiescent, something is parked), then what its
    /// check returned, then events that a group has not handled and that nothing names, then the background loops that
    /// ended.
    public let violations: [String]
    /// Equal for two runs in which the same happened in the same order, as hexadecimal digits.
    ///
    /// Two runs of one program with equal seeds have equal hashes, as long as neither the services nor the workload
    /// depend on the order of a `Set` or a `Dictionary`, which differs between instances and processes. With
    /// `SWIFT_DETERMINISTIC_HASHING=1` in the environment of `swift test` that order is the same in every process.
    public let hash: String
    /// How often each fault was injected; a fault that was not injected is missing.
    public let faults: [SimulatedFault: Int]
    /// How many jobs ran: a measure of the length of the run.
    public let steps: Int
}
