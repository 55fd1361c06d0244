/// How a service calls another, on by default. The parts nest in this order, from outside to inside:
///
/// 1. **deadline**: the caller's, or `timeout` when it has none; everything below spends from it;
/// 2. **retry**: with jitter, from a budget, only what may be repeated;
/// 3. **bulkhead**: each attempt waits for its place, so that a pause between attempts holds none;
/// 4. **circuit breaker**: each attempt counts; what the bulkhead refused says nothing about the peer;
/// 5. the call.
public struct CallPolicy: Sendable {
    /// For calls whose caller has no deadline.
    public var timeout: Duration
    public var retry: RetryRule
    /// The most retries in a burst; see ``RetryBudget``.
    public var retryBurst: Double
    /// Retries per call in the long run.
    public var retryShare: Double
    public var runningLimit: Int
    public var waitingLimit: Int
    /// Failures in a row that open the circuit.
    public var failuresLimit: Int
    /// How long an open circuit refuses.
    public var circuitPause: Duration

    public init(
        timeout: Duration,
        retry: RetryRule,
        retryBurst: Double,
        retryShare: Double,
        runningLimit: Int,
        waitingLimit: Int,
        failuresLimit: Int,
        circuitPause: Duration
    ) {
        self.timeout = timeout
        self.retry = retry
        self.retryBurst = retryBurst
        self.retryShare = retryShare
        self.runningLimit = runningLimit
        self.waitingLimit = waitingLimit
        self.failuresLimit = failuresLimit
        self.circuitPause = circuitPause
    }

    /// What holds between services unless the composition says otherwise.
    public static let betweenServices = CallPolicy(
        timeout: .seconds(5),
        retry: RetryRule(attemptsLimit: 3, base: .milliseconds(50), cap: .seconds(1)),
        retryBurst: 20,
        retryShare: 0.2,
        runningLimit: 128,
        waitingLimit: 512,
        failuresLimit: 10,
        circuitPause: .seconds(1)
    )
}
