/// How a service calls another, on by default. The parts nest in this order, from outside to inside:
///
/// 1. **deadline**: the caller's, or `timeout` when it has none; everything inside counts against it;
/// 2. **retry**: with jitter, from a budget, only what may be repeated;
/// 3. **bulkhead**: each attempt waits for a slot, so that a delay between attempts holds none;
/// 4. **instances**: each attempt goes to one of the callee's instances, and to the next while it was certainly not processed;
///    those that keep failing are left out;
/// 5. **circuit breaker**: for each instance and class of methods; each call counts, but not a refusal by the bulkhead;
/// 6. the call.
///
/// The last three are those of a channel to other processes. No caller spends what others need of these: an attempt that
/// ends before the call is unusually slow does not count for instances and circuit breakers, and each caller has a share of the bulkhead and of the retries. A caller is the subject of the
/// call's principal; all callers without a token are one.
public struct CallPolicy: Sendable {
    /// For calls whose caller has no deadline.
    public var timeout: Duration
    /// An attempt that ends without an answer in less than this does not count as a failure of the peer.
    ///
    /// Nor does one in less than three times what nineteen of twenty successful calls of its method took, up to three
    /// quarters of `timeout`.
    public var usualTimeMin: Duration
    public var retry: RetryRule
    /// The most retries in a burst, at least 1; a quarter of them for one caller.
    public var retryBurst: Double
    /// Retries per call in the long run, 0 to 1.
    public var retryShare: Double
    /// Concurrent attempts; a caller that has an eighth of them leaves a quarter free for others.
    public var runningLimit: Int
    /// Attempts that wait for a slot, with the same shares.
    public var waitingLimit: Int
    /// Failures in a row that open the circuit of an instance and a class of methods: reads, writes or streams.
    public var failuresLimit: Int
    /// How long an open circuit refuses.
    public var circuitOpenDuration: Duration
    /// How the instances of the callee are chosen.
    public var instances = InstancePolicy.standard

    public init(
        timeout: Duration,
        usualTimeMin: Duration,
        retry: RetryRule,
        retryBurst: Double,
        retryShare: Double,
        runningLimit: Int,
        waitingLimit: Int,
        failuresLimit: Int,
        circuitOpenDuration: Duration
    ) {
        self.timeout = timeout
        self.usualTimeMin = usualTimeMin
        self.retry = retry
        self.retryBurst = retryBurst
        self.retryShare = retryShare
        self.runningLimit = runningLimit
        self.waitingLimit = waitingLimit
        self.failuresLimit = failuresLimit
        self.circuitOpenDuration = circuitOpenDuration
    }

    /// The default between services.
    public static let betweenServices = CallPolicy(
        timeout: .seconds(5),
        usualTimeMin: .seconds(1),
        retry: RetryRule(attemptsLimit: 3, base: .milliseconds(50), cap: .seconds(1)),
        retryBurst: 20,
        retryShare: 0.2,
        runningLimit: 128,
        waitingLimit: 512,
        failuresLimit: 10,
        circuitOpenDuration: .seconds(1)
    )
}
