import MartletCore

/// The limits of one engine, by name and unit.
public struct WorkflowLimits: Sendable, Hashable {
    /// Runs that execute concurrently in this process.
    public var concurrencyLimit = 64
    /// How long after its start a run ends under any load: ``WorkflowEngine/admit(_:_:)`` lets as many runs be open as ended
    /// within this time, and at least ``concurrencyLimit``.
    public var completionTarget = Duration.seconds(1)
    /// How long a request waits at most until it is admitted.
    public var admissionWaitMax = Duration.seconds(2)
    /// Requests that wait until they are admitted; with the admitted ones, fewer than a gateway's 256 connections to a
    /// service, so that reads get through.
    public var admissionQueueLimit = 128
    /// Due runs of all processes of the service that wait for a slot before ``WorkflowEngine/admit(_:_:)`` refuses more,
    /// while callees do not respond; also the most runs that are claimed when they are started.
    ///
    /// Two cores process as many in about ten seconds.
    public var waitingLimit = 2_000
    /// The lease duration of a claimed run; renewed every third of it.
    public var lease = Duration.seconds(30)
    /// The longest interval between polls for due runs; starts, signals and timers of this process cause earlier ones.
    public var pollInterval = Duration.seconds(30)
    /// How long one attempt of a remote step may take.
    public var attemptTimeout = Duration.seconds(10)
    /// Attempts of one step, crashes included, before its run is parked.
    public var attemptsLimit = 60
    /// Attempts of one step with unknown outcome before its run is parked.
    public var unknownLimit = 30
    /// Unknown outcomes in a row after which a step with a look-up uses it instead of another attempt.
    public var lookUpAfter = 3
    /// How long a callee certainly stores a key: an older intent is looked up, and repeated only if its step is
    /// deduplicated by identity.
    public var keyLifetime = Duration.seconds(23 * 3_600)
    /// The delay after the first failed attempt; it doubles with each, half of it random.
    public var retryDelayMin = Duration.milliseconds(200)
    public var retryDelayMax = Duration.seconds(60)
    /// A delay from this length on releases the run instead of keeping its slot.
    public var releasingDelayMin = Duration.seconds(5)
    /// Attempts of one journal transaction before the execution ends, to be claimed again when its lease has ended.
    public var journalAttemptsLimit = 4
    /// Steps of one run.
    public var stepsLimit = 1_000
    /// One input, result, output or signal, in bytes of JSON.
    public var bytesMax = 262_144
    /// Signals of one run, consumed ones included.
    public var signalsLimit = 1_000

    public init() {}

    /// The delays between the attempts of a step.
    var backoff: Backoff { Backoff(initial: retryDelayMin, maximum: retryDelayMax) }
}
