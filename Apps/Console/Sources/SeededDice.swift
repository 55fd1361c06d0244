/// A small random number generator (SplitMix64): equal seeds give equal numbers on every machine.
package struct SeededDice: Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// 0 to `bound - 1`; the bound is small against 2⁶⁴, so that the bias is negligible.
    package mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    package mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

    /// True with a probability of `permille` in 1000.
    package mutating func chance(permille: Int) -> Bool { below(1000) < permille }

    package mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }
}
