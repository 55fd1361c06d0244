/// The limits of one RPC server.
public struct RPCServerLimits: Sendable {
    /// The longest request or response message, in bytes; above it a call ends with `resourceExhausted`.
    public var messageBytesMax = 4 * 1_024 * 1_024
    /// The longest list of request headers, in bytes as HTTP/2 counts them; a call with a longer one ends with
    /// `resourceExhausted`.
    public var headerBytesMax = 16 * 1_024
    /// A still longer list ends the connection: what is not decompressed is missing in all that follow.
    public var headerBytesHardMax = 64 * 1_024
    /// Open calls per connection; a client queues further ones.
    public var callsPerConnectionMax = 1_000
    /// Handlers of one connection that may still run after their calls were cancelled; while there are more, new calls of
    /// the callers to whom they belong end with `resourceExhausted`.
    public var abandonedHandlersMax = 1_000
    /// Tokens of one connection that may be verified at once, or wait for that; further calls with tokens that were not
    /// verified before end with `resourceExhausted`.
    public var verificationsMax = 100
    /// What an open call is counted as, in bytes, besides its headers and long messages: see `ListenerLimits`.
    public var callBytes = 4 * 1_024
    /// Received bytes of a call that may be unread: its flow-control window.
    public var callWindowBytes = 256 * 1_024
    /// Received bytes of a connection that may be unread: its flow-control window.
    public var connectionWindowBytes = 4 * 1_024 * 1_024
    /// Response bytes of one call that may be buffered; a streaming handler is suspended above it.
    ///
    /// A stream is counted as what it has sent, up to this.
    public var outboundBytesMax = 64 * 1_024
    /// Interval without received bytes after which a PING is sent; after twice that the connection is closed.
    ///
    /// A call also ends when its request is incomplete, or the end of its response unread, after a whole interval.
    public var keepAlive: Duration = .seconds(30)
    /// A connection without an accepted token is closed after this time, unless a handler of a call that needs no token
    /// runs; then it is asked again after the same time.
    public var authenticationTimeout: Duration = .seconds(10)
    /// How often the callers of open streams are authenticated again: a stream of a withdrawn key, or of a token that has
    /// ended, ends after this time with `unavailable`.
    public var streamAuthentication: Duration = .milliseconds(250)
    /// Frames such as PING, SETTINGS, RST_STREAM and GOAWAY, unknown ones and empty ones, that a client may send in
    /// `floodWindow`.
    public var controlFramesMax = 20_000
    public var floodWindow: Duration = .seconds(30)
    /// The longest payload of SETTINGS, GOAWAY and the like, in bytes; a longer one ends the connection.
    public var controlBytesMax = 1_024
    /// How long streaming calls may continue after shutdown has begun; then they end with `unavailable`.
    public var streamDrain: Duration = .milliseconds(500)
    /// How long unary calls may continue after shutdown has begun; then their connections are closed.
    public var drain: Duration = .seconds(10)

    public init() {}
}
