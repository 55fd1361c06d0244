/// What one connection of a listener may take.
public struct ConnectionLimits: Sendable, Hashable {
    /// Without a part of a request or of an answer; then it is closed.
    ///
    /// Longer than our clients keep an idle connection, so that none is closed under a request.
    public let idle: Duration
    /// Of a body whose request is answered already: what is read to keep the connection.
    public let drainBytesMax: Int
    /// How long a connection that says goodbye waits for the peer to hang up.
    public let linger: Duration

    public init(idle: Duration, drainBytesMax: Int, linger: Duration) {
        precondition(idle > .zero && drainBytesMax >= 0 && linger > .zero)
        self.idle = idle
        self.drainBytesMax = drainBytesMax
        self.linger = linger
    }

    /// 75 seconds, 4 MiB, 2 seconds.
    public static let standard = ConnectionLimits(idle: .seconds(75), drainBytesMax: 4 << 20, linger: .seconds(2))
}
