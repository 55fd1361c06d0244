/// The limits of one REST listener.
public struct RESTLimits: Sendable, Hashable {
    /// Of one body; a larger one gets 413.
    public let bodyBytesMax: Int
    /// Of a request without a timeout header.
    public let timeout: Duration
    /// The longest timeout that a request may set.
    public let timeoutMax: Duration

    public init(bodyBytesMax: Int, timeout: Duration, timeoutMax: Duration) {
        precondition(bodyBytesMax > 0 && timeout > .zero && timeoutMax >= timeout)
        self.bodyBytesMax = bodyBytesMax
        self.timeout = timeout
        self.timeoutMax = timeoutMax
    }

    /// 2 MiB, 10 seconds, at most 60 seconds.
    public static let standard = RESTLimits(bodyBytesMax: 2 << 20, timeout: .seconds(10), timeoutMax: .seconds(60))
}
