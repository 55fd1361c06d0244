/// How long each step of a shutdown may take.
///
/// Together they bound the whole.
public struct ServiceHostLimits: Sendable {
    /// Between "not ready" and the closing of the listeners: balancers must see it first.
    public var notReadyPause = Duration.milliseconds(200)
    /// How long open requests may go on.
    public var drain = Duration.seconds(10)
    /// How long consumers, jobs and workflows may take to let go.
    public var stop = Duration.seconds(5)
    /// How long the relay may take to publish what is committed.
    public var flush = Duration.seconds(5)
    /// Between two looks whether it has.
    public var flushLook = Duration.milliseconds(50)

    public init() {}
}
