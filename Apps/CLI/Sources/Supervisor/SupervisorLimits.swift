import MartletCore

/// How long a supervisor waits, and how often it tries.
struct SupervisorLimits: Sendable {
    /// The pause before a daemon that died is started again; it doubles with each death in a row.
    var restartPauseMin: Duration = .milliseconds(100)
    var restartPauseMax: Duration = .seconds(10)
    /// Ready for so long, a daemon's deaths are forgotten.
    var healthyAfter: Duration = .seconds(60)
    /// A daemon that dies so often before it was ever ready will never run: everything is stopped.
    var earlyDeathsLimit = 3
    /// How long everything together may take until it is ready.
    var readyLimit: Duration = .seconds(60)
    /// How long one daemon may take to end before it is killed: longer than the sum of its own limits, 26 seconds.
    var drainLimit: Duration = .seconds(30)
    /// Signals that come closer together are one wish to end.
    var stopsApart: Duration = .milliseconds(500)
    /// The pause between two questions whether a daemon is ready.
    var probePause: Duration = .milliseconds(20)
    /// How long a daemon may take to answer that question.
    var probeTimeout: Duration = .seconds(2)
    /// The pause between two looks at the sizes of the logs.
    var logPause: Duration = .seconds(5)

    /// The pause after `deaths` in a row, at least 1.
    func restartPause(after deaths: Int) -> Duration {
        Backoff(least: restartPauseMin, most: restartPauseMax).whole(after: deaths)
    }
}
