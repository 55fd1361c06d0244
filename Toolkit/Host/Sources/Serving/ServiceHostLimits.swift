/// Time limits of the steps of a shutdown.
///
/// Their sum bounds the whole.
public struct ServiceHostLimits: Sendable {
    /// Between "not ready" and closing the listeners: time for load balancers to notice.
    public var notReadyDelay = Duration.milliseconds(200)
    /// For open requests to finish.
    public var drain = Duration.seconds(10)
    /// For consumers, jobs and workflows to stop.
    public var stop = Duration.seconds(5)
    /// For the relay to publish all committed events.
    public var flush = Duration.seconds(5)
    /// For the databases to close, after everything else has stopped.
    public var close = Duration.seconds(3)
    /// Between two checks of the outbox.
    public var flushInterval = Duration.milliseconds(50)

    public init() {}
}
