/// The limits of one connection of a listener.
package struct ConnectionLimits: Sendable, Hashable {
    /// A connection is closed after this time without a part of a request or response.
    ///
    /// Longer than our clients keep an idle connection, so that none is closed during a request.
    let idle: Duration
    /// Of a body: how much is read after the response, to keep the connection.
    let drainBytesMax: Int
    /// How long a connection whose output is closed waits for the peer to close.
    let linger: Duration
    /// The longest time between the first and the last byte of a request's head.
    package var head = Duration.seconds(20)
    /// The longest time between the end of a head and that of its body; longer than any request may take.
    package var body = Duration.seconds(75)
    /// While so many requests of a connection wait for their responses, no other one is read.
    package var pipelinedMax = 16
    /// The limits of a head, and of what is ignored of a body.
    var requests = RequestGuard.Limits()

    package init(idle: Duration, drainBytesMax: Int, linger: Duration) {
        precondition(idle > .zero && drainBytesMax >= 0 && linger > .zero)
        self.idle = idle
        self.drainBytesMax = drainBytesMax
        self.linger = linger
    }

    /// 75 seconds, 4 MiB, 2 seconds.
    package static let standard = ConnectionLimits(idle: .seconds(75), drainBytesMax: 4 << 20, linger: .seconds(2))
}
