public import MartletContract
public import MartletHTTP
import MartletREST
import MartletTelemetry

/// An endpoint of a service beside its contracts, whose requests and responses are bytes.
///
/// For what others define: webhooks with a signature over the body, forms, redirects, cookies. What a service defines
/// itself belongs in a contract. Tokens, deadlines and problem details are as for contracts.
public struct RawEndpoint: Sendable {
    /// Answers a request; an error becomes a problem.
    ///
    /// A sender repeats a request whose response it did not get: a repeat must have no further effect.
    public typealias Handle = @Sendable (_ request: RawRequest, _ platform: Platform) async throws -> ServerResponse

    public let route: RawRoute
    let handle: Handle

    /// An endpoint of a route that a gateway shares.
    public init(_ route: RawRoute, handle: @escaping Handle) {
        self.route = route
        self.handle = handle
    }

    /// - Parameters:
    ///   - verb: The method of HTTP; HEAD is answered like GET.
    ///   - path: A template as that of a contract, as in `/hooks/{sender}`.
    ///   - users: Who may call it.
    ///   - bodyBytesMax: In bytes, from 0; a larger body gets 413.
    ///   - handle: Answers a request.
    public init(
        _ verb: HTTPRule.Verb,
        _ path: String,
        users: AccessPolicy.Users,
        bodyBytesMax: Int,
        handle: @escaping Handle
    ) {
        self.init(RawRoute(verb, path, users: users, bodyBytesMax: bodyBytesMax), handle: handle)
    }
    /// The endpoint of a service that runs.
    func served(on platform: Platform, in telemetry: Telemetry) -> ServedRaw {
        let handle = handle
        return ServedRaw(route) { request in
            try await telemetry.scope { try await handle(request, platform) }
        }
    }
}
