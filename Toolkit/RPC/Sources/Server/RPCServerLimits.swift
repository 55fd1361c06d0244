/// What one RPC server accepts at most.
public struct RPCServerLimits: Sendable {
    /// The longest request or response message, in bytes; above it a call ends with `resourceExhausted`.
    public var messageBytesMax = 4 * 1_024 * 1_024
    /// The longest list of request headers, in bytes as HTTP/2 counts them.
    public var headerBytesMax = 16 * 1_024
    /// Calls that one connection may have open; a client keeps further ones waiting.
    public var callsPerConnectionMax = 1_000
    /// Handlers of one connection that may go on after their calls were cancelled; while there are more, its calls end
    /// with `resourceExhausted`.
    public var strayHandlersMax = 1_000
    /// Connections; one more is closed at once.
    public var connectionsMax = 10_000
    /// Bytes that a call may have on their way in before they are read.
    public var callWindowBytes = 256 * 1_024
    /// Bytes that a connection may have on their way in before they are read.
    public var connectionWindowBytes = 4 * 1_024 * 1_024
    /// Response bytes of one call that may wait for the client; a streaming handler pauses above it.
    public var outboundBytesMax = 64 * 1_024
    /// How long a silent connection lives before it is asked for a sign of life; twice that closes it.
    ///
    /// A request that has not come to its end after a whole such interval, and an answer that is not taken in one, end
    /// their calls, too.
    public var keepAlive: Duration = .seconds(30)
    /// Frames such as PING, SETTINGS and RST_STREAM that a client may send in `floodWindow`.
    public var controlFramesMax = 20_000
    public var floodWindow: Duration = .seconds(30)
    /// How long streaming calls may go on after shutdown has begun; then they end with `unavailable`.
    public var streamDrain: Duration = .milliseconds(500)
    /// How long unary calls may go on after shutdown has begun; then their connections are closed.
    public var drain: Duration = .seconds(10)

    public init() {}
}
