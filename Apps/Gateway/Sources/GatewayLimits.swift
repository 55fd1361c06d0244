import MartletREST
import MartletResilience

/// Size and time limits of the gateway.
struct GatewayLimits: Sendable {
    /// Limits of requests, as in every service.
    var requests = RESTLimits.standard
    /// The maximum size of a response's body; a larger one becomes a 500.
    var responseBytesMax = 32 << 20
    /// The bytes that are reserved for a response before its request is forwarded.
    ///
    /// The response to most writes fits, so that a lack of space is found while nothing has happened. Of what each connection
    /// may hold although the budget is spent (`ByteAccount.Limits.freeBytes`), it leaves half to the request.
    var responseBytesReserved = 8 << 10
    /// How requests choose among the instances of a service, and how many of them are repeated.
    var calls = Self.calls
    /// The timeout of a connection attempt to a service.
    var connect = Duration.seconds(1)
    /// The idle timeout of a connection to a service; shorter than the service's.
    var idle = Duration.seconds(30)
    /// Of a method whose service responds 429 as `overloaded`: how many requests of a caller are forwarded per accepted one.
    var throttleMultiple = 1.5
    /// The window over which these responses are counted.
    var throttleWindow = Duration.seconds(2)

    /// As between services, with more repeats in a burst: all requests that an instance had when it ended.
    private static var calls: CallPolicy {
        var calls = CallPolicy.betweenServices
        calls.timeout = RESTLimits.standard.timeout
        calls.retryBurst = 100
        return calls
    }
}
