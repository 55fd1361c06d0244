import MartletCore

/// Time limits, intervals and attempts of a supervisor.
struct SupervisorLimits: Sendable {
    /// The delay before a daemon is restarted; it doubles with each consecutive exit.
    var restartDelayMin: Duration = .milliseconds(100)
    var restartDelayMax: Duration = .seconds(10)
    /// A daemon that was ready for so long has its count of consecutive exits reset.
    var healthyAfter: Duration = .seconds(60)
    /// A daemon that exits so often before it was ever ready stops the whole system.
    var earlyExitsLimit = 3
    /// How long all daemons together may take to become ready.
    var readyLimit: Duration = .seconds(60)
    /// How long one daemon may take to drain before it is killed: longer than the sum of its own limits, 26 seconds.
    var drainLimit: Duration = .seconds(30)
    /// Signals that arrive closer together are one stop request.
    var stopDebounce: Duration = .milliseconds(500)
    /// The interval between readiness probes of a daemon.
    var probeInterval: Duration = .milliseconds(20)
    /// The time limit of one readiness probe.
    var probeTimeout: Duration = .seconds(2)
    /// How soon the table of processes is written again when that has failed, as on a full disk.
    var recordRetry: Duration = .seconds(1)
    /// The interval between checks of the log sizes.
    var logCheckInterval: Duration = .seconds(5)

    /// The delay after `exits` consecutive exits, at least 1.
    func restartDelay(after exits: Int) -> Duration {
        Backoff(initial: restartDelayMin, maximum: restartDelayMax).nominal(after: exits)
    }
}
