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
    /// While so many requests of a connection wait for their responses, or more than ``unsentBytesHigh`` of responses wait
    /// for the client, no other one begins.
    ///
    /// With one, a connection holds at most so many bytes and one response, whatever its client sends.
    package var pipelinedMax = 1
    /// The limits of a head, and of what is ignored of a body.
    var requests = RequestGuard.Limits()
    /// While bytes of responses wait, the client must take ``sendBytesMin`` in this time, or all; otherwise the connection
    /// is closed and its bytes are released.
    ///
    /// Twice the time of the slowest client that is served, 64 KiB in 30 seconds: a client's system takes up to 128 KiB at a
    /// time for it, and then nothing until most of them are read.
    package var sendTimeout = Duration.seconds(60)
    /// See ``sendTimeout``.
    package var sendBytesMin = 64 << 10
    /// How often it is checked whether the client takes bytes; shorter than `ListenerLimits.stallTime`.
    ///
    /// After a sixth of ``sendTimeout`` without any, the connection is idle.
    var sendCheck = Duration.seconds(1)
    /// Each of the two buffers that the system has for a connection, in bytes; Linux doubles it.
    ///
    /// Without a limit they grow to several MiB, which a client that reads nothing may fill.
    var socketBytes = 256 << 10
    /// Of these buffers: what the system takes while it cannot send it, so that progress is what the client takes.
    var notSentBytes = 16 << 10
    /// Of responses that the system's buffer does not take: above so many bytes, writers are suspended, nothing is read, and
    /// no other request begins.
    var unsentBytesHigh = 16 << 10
    /// Bytes that are read at a time.
    var readBytesMax = 16 << 10

    package init(idle: Duration, drainBytesMax: Int, linger: Duration) {
        precondition(idle > .zero && drainBytesMax >= 0 && linger > .zero)
        self.idle = idle
        self.drainBytesMax = drainBytesMax
        self.linger = linger
    }

    /// 75 seconds, 4 MiB, 2 seconds.
    ///
    /// A client takes at least 64 KiB in 60 seconds.
    package static let standard = ConnectionLimits(idle: .seconds(75), drainBytesMax: 4 << 20, linger: .seconds(2))
}
