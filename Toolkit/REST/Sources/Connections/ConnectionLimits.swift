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

    package init(idle: Duration, drainBytesMax: Int, linger: Duration) {
        precondition(idle > .zero && drainBytesMax >= 0 && linger > .zero)
        self.idle = idle
        self.drainBytesMax = drainBytesMax
        self.linger = linger
    }

    /// 75 seconds, 4 MiB, 2 seconds.
    package static let standard = ConnectionLimits(idle: .seconds(75), drainBytesMax: 4 << 20, linger: .seconds(2))
}
