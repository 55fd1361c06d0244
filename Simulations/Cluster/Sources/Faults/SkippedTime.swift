import MartletCore
import MartletSimulation
import Synchronization

/// The spans of time in which nothing ran, which workloads and results do not count.
package final class SkippedTime: Sendable {
    private let time: VirtualTime
    /// The length of each outage.
    private let lengths = Mutex<[Duration]>([])

    init(of time: VirtualTime) { self.time = time }

    /// The longest outage.
    package var longest: Duration { lengths.withLock { $0.max() ?? .zero } }

    /// The sum of all outages.
    package var total: Duration { lengths.withLock { $0.reduce(.zero, +) } }

    /// Skips a span of time in which nothing runs.
    package func skip(by length: Duration) {
        lengths.withLock { $0.append(length) }
        time.skip(by: length)
    }

    /// Sleeps for `length`, not counting skipped time.
    package func sleepExcluding(for length: Duration) async throws {
        var left = length
        // The resolution of the clocks.
        while .nanoseconds(1) <= left {
            let (begin, before) = (time.now, total)
            try await time.sleep(for: left)
            left -= (time.now - begin) - (total - before)
        }
    }
}
