/// A source of random numbers, injected so that a run can be replayed.
public protocol Entropy: Sendable {
    /// 64 random bits.
    func next() -> UInt64
}

extension Entropy {
    /// A number below `bound`, evenly spread up to a bias of `bound` in 2^64.
    ///
    /// `bound` is at least 1.
    public func number(below bound: UInt64) -> UInt64 { next().multipliedFullWidth(by: bound).high }

    /// A fraction in 0..<1 with 53 random bits.
    public func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}

/// The operating system's random numbers.
public struct SystemEntropy: Entropy {
    public init() {}

    public func next() -> UInt64 {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }
}
