import Synchronization

/// A number that only grows, until the process ends.
public final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    /// Adds `amount`, which is at least 0.
    public func add(_ amount: Int = 1) { count.wrappingAdd(amount, ordering: .relaxed) }

    public var value: Int { count.load(ordering: .relaxed) }
}

/// A number that goes up and down.
public final class Gauge: Sendable {
    private let number = Mutex(0.0)

    public func set(_ value: Double) { number.withLock { $0 = value } }

    public func add(_ amount: Double) { number.withLock { $0 += amount } }

    public var value: Double { number.withLock { $0 } }
}

/// Counts values in buckets with fixed bounds.
public final class Histogram: Sendable {
    /// Bounds for durations in seconds: half a millisecond to ten seconds.
    public static let seconds = [0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
    /// Bounds for batch sizes.
    public static let sizes = [1.0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]

    struct Reading: Sendable, Equatable {
        /// Per bound, not cumulative; the last counts what is above all bounds.
        var counts: [Int]
        var sum = 0.0
    }

    let bounds: [Double]
    private let reading: Mutex<Reading>

    init(bounds: [Double]) {
        self.bounds = bounds
        reading = Mutex(Reading(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    public func record(_ value: Double) {
        let index = bounds.firstIndex { value <= $0 } ?? bounds.count
        reading.withLock { reading in
            reading.counts[index] += 1
            reading.sum += value
        }
    }

    /// Records a duration in seconds.
    public func record(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        record(Double(seconds) + Double(attoseconds) * 1e-18)
    }

    var current: Reading { reading.withLock { $0 } }
}
