import MartletCore

/// The limits of one engine, by name and unit.
public struct WorkflowLimits: Sendable, Hashable {
    /// Runs that execute at once in this process.
    public var concurrencyLimit = 64
    /// Runs that wait for a place, over all processes of the service, before ``WorkflowEngine/admit()`` takes on no more.
    ///
    /// Two cores work off as many in about ten seconds.
    public var waitingLimit = 2_000
    /// How long a claimed run stays ours without a sign of life; renewed every third of it.
    public var lease = Duration.seconds(30)
    /// The longest pause between two looks for due runs; starts, signals and timers of this process wake it earlier.
    public var pollPause = Duration.seconds(30)
    /// How long one attempt of a remote step may take.
    public var attemptTimeout = Duration.seconds(10)
    /// Attempts of one step, crashes included, before its run is parked.
    public var attemptsLimit = 60
    /// Attempts of one step with unknown outcome before its run is parked.
    public var unknownLimit = 30
    /// Unknown outcomes in a row after which a step that has a look-up looks up instead of asking again.
    public var lookUpAfter = 3
    /// How long a callee is sure to remember a key: an older intent is looked up, and asked again only where the step says that it is
    /// remembered for ever.
    public var keyLifetime = Duration.seconds(23 * 3_600)
    /// The pause after the first failed attempt; it doubles with each, half of it by chance.
    public var pauseMin = Duration.milliseconds(200)
    public var pauseMax = Duration.seconds(60)
    /// A pause from this length on gives the run back until then, instead of holding its place.
    public var pauseHeldMax = Duration.seconds(5)
    /// Attempts of one journal transaction before the execution gives up, to be claimed again when its lease has ended.
    public var journalAttemptsLimit = 4
    /// Steps of one run.
    public var stepsLimit = 1_000
    /// One input, result, output or signal, in bytes of JSON.
    public var bytesMax = 262_144
    /// Signals of one run, consumed ones included.
    public var signalsLimit = 1_000

    public init() {}

    /// The pauses between the attempts of a step.
    var backoff: Backoff { Backoff(least: pauseMin, most: pauseMax) }
}
