import Logging
import MartletCore
import MartletTelemetry
import Synchronization

/// Watches whether the wall clock keeps step with the monotonic one; a jump raises an alarm and lets jobs rest.
final class ClockWatch: Sendable {
    static let look = Duration.seconds(1)
    /// What both clocks may differ by between two looks.
    static let stepLimit = Duration.seconds(2)
    /// How long nothing expires after a jump: time for an operator to look, or for the clock to come back.
    static let rest = Duration.seconds(60)

    private let time: any TimeSource
    private let machine: Mutex<Machine>
    private let jumps: Counter

    init(time: any TimeSource, metrics: MetricsRegistry) {
        self.time = time
        machine = Mutex(Machine(now: time.now, date: time.date))
        jumps = metrics.counter("martlet_clock_jumps_total", help: "Jumps of the wall clock that were seen.")
    }

    /// True while what the wall clock says should not expire anything.
    var pausesExpiry: Bool {
        check()
        return machine.withLock { $0.isResting(at: time.now) }
    }

    func run() async throws {
        while true {
            try await time.sleep(for: Self.look)
            check()
        }
    }

    private func check() {
        guard let jump = machine.withLock({ $0.look(now: time.now, date: time.date) }) else { return }
        jumps.add()
        Logger.current.error(
            "the wall clock jumped, expiry rests",
            metadata: ["jump.seconds": "\(jump.components.seconds)", "rest.seconds": "\(Self.rest.components.seconds)"]
        )
    }

    /// The decisions, without a clock.
    struct Machine {
        private var now: Moment
        private var date: Timestamp
        private var restsUntil: Moment?

        init(now: Moment, date: Timestamp) {
            self.now = now
            self.date = date
        }

        /// How far the wall clock has jumped since the last look; `nil` when it kept step.
        mutating func look(now: Moment, date: Timestamp) -> Duration? {
            let difference = (date - self.date) - (now - self.now)
            self.now = now
            self.date = date
            guard difference > ClockWatch.stepLimit || difference < .zero - ClockWatch.stepLimit else { return nil }
            restsUntil = now + ClockWatch.rest
            return difference
        }

        func isResting(at now: Moment) -> Bool { restsUntil.map { now < $0 } ?? false }
    }
}
