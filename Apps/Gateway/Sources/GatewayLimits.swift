/// What the gateway takes and how long it waits.
struct GatewayLimits: Sendable {
    /// Of a request's body; a larger one is answered with 413.
    var bodyBytesMax = 2 << 20
    /// Of an answer's body; a larger one is answered with 502's problem.
    var answerBytesMax = 32 << 20
    /// For a request that says nothing.
    var timeout = Duration.seconds(10)
    /// For a request that wants more.
    var timeoutMax = Duration.seconds(60)
    /// How long a connection to a service may take.
    var connect = Duration.seconds(1)
}
