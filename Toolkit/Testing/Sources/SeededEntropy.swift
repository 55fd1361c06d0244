public import MartletCore
import Synchronization

/// Deterministic entropy: equal seeds give equal numbers in every process (SplitMix64).
///
/// Safe to share between tasks, but then the numbers depend on the order of their draws.
public final class SeededEntropy: Entropy {
    private let state: Mutex<UInt64>

    public init(seed: UInt64) { state = Mutex(seed) }

    public func next() -> UInt64 {
        let step = state.withLock { state in
            state &+= 0x9E37_79B9_7F4A_7C15
            return state
        }
        let first = (step ^ (step >> 30)) &* 0xBF58_476D_1CE4_E5B9
        let second = (first ^ (first >> 27)) &* 0x94D0_49BB_1331_11EB
        return second ^ (second >> 31)
    }

    /// An independent source for one part of a run, whose draws do not shift those of the others.
    public func fork() -> SeededEntropy { SeededEntropy(seed: next()) }
}
