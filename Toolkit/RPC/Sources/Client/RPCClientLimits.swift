import MartletCore

/// What one client connection accepts at most, and how long it waits.
public struct RPCClientLimits: Sendable {
    /// The longest request or response message, in bytes; above it a call ends with `resourceExhausted`.
    public var messageBytesMax = 4 * 1_024 * 1_024
    /// The longest list of headers or trailers, sent or received, in bytes as HTTP/2 counts them; a call with a longer
    /// one ends with `resourceExhausted` and is not sent.
    public var headerBytesMax = 16 * 1_024
    /// Calls that may be open or wait at once; one more is refused with `resourceExhausted`.
    public var callsMax = 10_000
    /// Bytes that a call may have on their way in before they are read.
    public var callWindowBytes = 256 * 1_024
    /// Bytes that the connection may have on their way in before they are read.
    public var connectionWindowBytes = 4 * 1_024 * 1_024
    /// Messages of a stream that may wait for their reader.
    public var messagesAhead = 64
    /// How often a unary call is sent when a live peer did not take it: it refused the stream, or was going away.
    public var attemptsMax = 4
    public var connectTimeout: Duration = .seconds(2)
    /// The pause after the first failed connection; it grows by 1.6 with each, up to `pauseMax`, spread by a fifth.
    public var pauseMin: Duration = .milliseconds(50)
    public var pauseMax: Duration = .seconds(2)
    /// How long a silent connection lives before it is asked for a sign of life; twice that closes it.
    public var keepAlive: Duration = .seconds(20)
    /// Frames such as PING, SETTINGS and RST_STREAM that a server may send in 30 seconds.
    public var controlFramesMax = 20_000

    public init() {}

    /// How long an address rests after failed connections.
    var backoff: Backoff { Backoff(least: pauseMin, most: pauseMax, growth: 1.6, jitter: .fifth) }
}
