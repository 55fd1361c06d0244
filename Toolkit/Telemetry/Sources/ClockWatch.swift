import Logging
package import MartletCore
import Synchronization

/// Detects jumps of the wall clock against the monotonic one; a jump is logged as an error and suspends expiry.
package final class ClockWatch: Sendable {
    private static let interval = Duration.seconds(1)
    /// How far both clocks may drift apart between two checks.
    private static let stepLimit = Duration.seconds(2)
    /// How long expiry is suspended after a jump: time for an operator to act, or for the clock to be corrected.
    package static let suspension = Duration.seconds(60)

    private let time: any TimeSource
    private let state: Mutex<StateMachine>
    private let metrics: MetricsRegistry?

    /// - Parameters:
    ///   - time: The clocks to watch.
    ///   - metrics: Where jumps are counted; `nil` for the registry of the task that notices one.
    package init(time: any TimeSource, metrics: MetricsRegistry?) {
        self.time = time
        self.metrics = metrics
        state = Mutex(StateMachine(now: time.now, date: time.date))
        // Shown as 0 before the first.
        if let metrics { _ = Self.jumps(in: metrics) }
    }

    private static func jumps(in metrics: MetricsRegistry) -> Counter {
        // Resolved: when a process starts, and for each jump.
        metrics.counter("martlet_clock_jumps_total", help: "Jumps of the wall clock.")
    }

    /// True while the wall clock must not expire anything.
    ///
    /// Notices a jump since the last time it was read.
    package var pausesExpiry: Bool {
        check()
        return state.withLock { $0.isSuspended(at: time.now) }
    }

    /// Notices jumps, until its task is cancelled.
    package func run() async throws {
        while true {
            try await time.sleep(for: Self.interval)
            check()
        }
    }

    private func check() {
        guard let jump = state.withLock({ $0.update(now: time.now, date: time.date) }) else { return }
        Self.jumps(in: metrics ?? .current).add()
        Logger.current.error(
            "the wall clock jumped, expiry is suspended",
            metadata: [
                "jump.seconds": "\(jump.components.seconds)",
                "suspension.seconds": "\(Self.suspension.components.seconds)",
            ]
        )
    }

    /// Detects jumps from pairs of readings.
    struct StateMachine {
        private var now: Moment
        private var date: Timestamp
        private var suspendedUntil: Moment?

        init(now: Moment, date: Timestamp) {
            self.now = now
            self.date = date
        }

        /// How far the wall clock has jumped since the last update; `nil` when it has not.
        mutating func update(now: Moment, date: Timestamp) -> Duration? {
            let difference = (date - self.date) - (now - self.now)
            self.now = now
            self.date = date
            guard difference > ClockWatch.stepLimit || difference < .zero - ClockWatch.stepLimit else { return nil }
            suspendedUntil = now + ClockWatch.suspension
            return difference
        }

        func isSuspended(at now: Moment) -> Bool { suspendedUntil.map { now < $0 } ?? false }
    }
}
