/// How a service calls another, on by default. The parts nest in this order, from outside to inside:
///
/// 1. **deadline**: the caller's, or `timeout` when it has none; everything inside counts against it;
/// 2. **retry**: with jitter, from a budget, only what may be repeated;
/// 3. **bulkhead**: each attempt waits for a slot, so that a delay between attempts holds none;
/// 4. **circuit breaker**: each attempt counts, but not a refusal by the bulkhead;
/// 5. the call.
public struct CallPolicy: Sendable {
    /// For calls whose caller has no deadline.
    public var timeout: Duration
    public var retry: RetryRule
    /// The most retries in a burst, at least 1.
    public var retryBurst: Double
    /// Retries per call in the long run, 0 to 1.
    public var retryShare: Double
    public var runningLimit: Int
    public var waitingLimit: Int
    /// Failures in a row that open the circuit.
    public var failuresLimit: Int
    /// How long an open circuit refuses.
    public var circuitOpenDuration: Duration

    public init(
        timeout: Duration,
        retry: RetryRule,
        retryBurst: Double,
        retryShare: Double,
        runningLimit: Int,
        waitingLimit: Int,
        failuresLimit: Int,
        circuitOpenDuration: Duration
    ) {
        self.timeout = timeout
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
        retry: RetryRule(attemptsLimit: 3, base: .milliseconds(50), cap: .seconds(1)),
        retryBurst: 20,
        retryShare: 0.2,
        runningLimit: 128,
        waitingLimit: 512,
        failuresLimit: 10,
        circuitOpenDuration: .seconds(1)
    )
}
