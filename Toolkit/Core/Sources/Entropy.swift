import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

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
///
/// They are drawn 32 at a time, and each is given out once: a system call for every number costs ten times as much. Copies
/// share what was drawn. A process that forks must not use them in both processes.
public struct SystemEntropy: Entropy {
    private static let drawn = Mutex<[UInt64]>([])

    public init() {}

    public func next() -> UInt64 {
        Self.drawn.withLock { numbers in
            if let number = numbers.popLast() { return number }
            numbers.append(contentsOf: Self.draw())
            return numbers.removeLast()
        }
    }

    private static func draw() -> [UInt64] {
        let count = 32
        return [UInt64](unsafeUninitializedCapacity: count) { buffer, initialized in
            // At most 256 bytes at once; it fails only for a wrong address or a kernel without random numbers.
            let status = getentropy(buffer.baseAddress, count * MemoryLayout<UInt64>.size)
            precondition(status == 0, "the operating system gives no random numbers")
            initialized = count
        }
    }
}
