import MartletCore

/// The limits and timeouts of one client connection.
public struct RPCClientLimits: Sendable {
    /// The longest request or response message, in bytes; above it a call ends with `resourceExhausted`.
    public var messageBytesMax = 4 * 1_024 * 1_024
    /// The longest list of headers or trailers, sent or received, in bytes as HTTP/2 counts them; a call with a longer
    /// one ends with `resourceExhausted` and is not sent.
    public var headerBytesMax = 16 * 1_024
    /// Calls that may be open or waiting; one more is refused with `resourceExhausted`.
    public var callsMax = 10_000
    /// Received bytes of a call that may be unread: its flow-control window.
    public var callWindowBytes = 256 * 1_024
    /// Received bytes of the connection that may be unread: its flow-control window.
    public var connectionWindowBytes = 4 * 1_024 * 1_024
    /// Messages of a stream that may wait for their reader.
    public var messagesAhead = 64
    /// How often a unary call is sent when a reachable peer did not process it: stream refused, or GOAWAY.
    public var attemptsMax = 4
    public var connectTimeout: Duration = .seconds(2)
    /// The delay after the first failed connection; grows by 1.6 with each, up to `backoffMax`, with a fifth of jitter.
    public var backoffMin: Duration = .milliseconds(50)
    public var backoffMax: Duration = .seconds(2)
    /// How long the server gets, after its deadline, to end a unary call that was given up; then the stream is reset.
    public var linger: Duration = .seconds(1)
    /// Streams that may be reset in 30 seconds; beyond that a cancelled call is left to the server as well.
    ///
    /// A server closes a connection on which it gets many resets, with all its calls.
    public var resetsMax = 1_000
    /// Calls that were given up and are left to the server at a time; with more of them streams are reset in any case.
    public var lingeringMax = 250
    /// Interval without received bytes after which a PING is sent; after twice that the connection is closed.
    public var keepAlive: Duration = .seconds(20)
    /// Frames such as PING, SETTINGS, RST_STREAM and GOAWAY, unknown ones and empty ones, that a server may send in
    /// 30 seconds.
    public var controlFramesMax = 20_000
    /// The longest payload of SETTINGS, GOAWAY and the like, in bytes; a longer one ends the connection.
    public var controlBytesMax = 1_024

    /// The time in which control frames and resets are counted.
    static let floodWindow: Duration = .seconds(30)

    public init() {}

    var abandoned: AbandonedStreams.Limits {
        AbandonedStreams.Limits(
            linger: linger,
            resetsMax: resetsMax,
            waitingMax: lingeringMax,
            window: Self.floodWindow
        )
    }

    /// The delay between connection attempts after failures.
    var backoff: Backoff { Backoff(initial: backoffMin, maximum: backoffMax, growth: 1.6, jitter: .fifth) }
}
