/// The transport-neutral description of one method of a contract.
public struct MethodDescriptor: Sendable, Hashable {
    /// The service's full name in the contract, as in `acme.links.v1.LinksService`.
    public let service: String
    /// The method's name, as in `Shorten`.
    public let name: String
    /// True when a repeat of the same request has no further effect: it may be retried.
    public let idempotent: Bool
    /// Who may call.
    public let access: AccessPolicy
    /// True when the method writes and accepts an `Idempotency-Key`.
    public let writes: Bool
    /// The REST bindings; empty for a method that only services call.
    public let http: [HTTPRule]
    /// The gRPC path, `/<service>/<method>`.
    public let path: String

    /// - Parameters:
    ///   - service: The service's full name in the contract.
    ///   - name: The method's name.
    ///   - idempotent: Whether a repeat of the same request has no further effect.
    ///   - writes: Whether the method writes.
    ///   - users: The users that may call.
    ///   - callers: The services that may call; empty for none.
    ///   - http: The REST bindings.
    public init(
        service: String,
        name: String,
        idempotent: Bool,
        writes: Bool,
        users: AccessPolicy.Users,
        callers: [AccessPolicy.Caller],
        http: [HTTPRule]
    ) {
        self.service = service
        self.name = name
        self.idempotent = idempotent
        self.writes = writes
        access = AccessPolicy(users: users, callers: callers)
        self.http = http
        path = "/\(service)/\(name)"
    }

    /// The name of its spans, `<service>/<method>`.
    package var spanName: String { "\(service)/\(name)" }
}

/// One `google.api.http` binding.
public struct HTTPRule: Sendable, Hashable {
    public enum Verb: String, Sendable, Hashable, CaseIterable {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
        case delete = "DELETE"
        case patch = "PATCH"
    }

    public let verb: Verb
    /// A template such as `/v1/parcels/{parcel_id}/items/{item}`, with an optional custom verb at the end, as in
    /// `/v1/links/{code}:disable`.
    public let path: String
    /// The field that the body fills: `*` for the whole message, empty for none.
    public let body: String

    public init(_ verb: Verb, _ path: String, body: String) {
        self.verb = verb
        self.path = path
        self.body = body
    }
}

/// A method and the service that serves it: an entry of the gateway's routing table.
public struct RoutedMethod: Sendable, Hashable {
    /// The name in the service registry, as in `links`.
    public let service: String
    public let method: MethodDescriptor
    /// Of an endpoint beside contracts: its request is forwarded with all headers that are not of the connection.
    public let raw: RawRoute?

    public init(service: String, method: MethodDescriptor) {
        self.service = service
        self.method = method
        raw = nil
    }

    /// An endpoint beside contracts.
    public init(service: String, raw route: RawRoute) {
        self.service = service
        method = route.method(of: service)
        raw = route
    }
}
