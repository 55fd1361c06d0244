/// The limits of outgoing requests.
public struct OutgoingPolicy: Sendable {
    /// Of a request with all its attempts, when its caller has no earlier deadline.
    public var timeout = Duration.seconds(10)
    public var requestBytesMax = 1 << 20
    public var responseBytesMax = 1 << 20
    public var retry = RetryRule(attemptsLimit: 3, base: .milliseconds(200), cap: .seconds(5))
    /// The most retries in a burst, at least 1; a quarter of them for one peer.
    public var retryBurst = 20.0
    /// Retries per request in the long run, 0 to 1.
    public var retryShare = 0.2
    /// Failures in a row that open the circuit of a configured peer.
    public var failuresLimit = 10
    /// How long an open circuit refuses.
    public var circuitOpenDuration = Duration.seconds(5)

    public init() {}
}
