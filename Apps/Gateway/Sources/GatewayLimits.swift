import MartletREST

/// What the gateway takes and how long it waits.
struct GatewayLimits: Sendable {
    /// Of requests, as every service has them.
    var requests = RESTLimits.standard
    /// Of an answer's body; a larger one is answered with 500.
    var answerBytesMax = 32 << 20
    /// How long a connection to a service may take.
    var connect = Duration.seconds(1)
    /// How long a connection to a service is kept without a request; less than the service keeps it.
    var idle = Duration.seconds(30)
    /// Of a method that its service refuses as asked for too often: how many requests go on for each that it takes.
    var throttleMultiple = 1.5
    /// How long such refusals are remembered.
    var throttleWindow = Duration.seconds(2)
}
