/// What a contract says about one method, whatever carries it.
public struct MethodDescriptor: Sendable, Hashable {
    /// The service's full name in the contract, as in `shop.inventory.v1.InventoryService`.
    public let service: String
    /// As in `Reserve`.
    public let name: String
    /// True when a repeat of the same request has no further effect: it may be retried.
    public let idempotent: Bool
    /// The scope that a principal must hold, or several separated by `|`, of which one is enough; empty when anybody may call,
    /// even without a token.
    public let scope: String
    /// True when the method writes and takes an `Idempotency-Key`.
    public let writes: Bool
    /// How REST reaches it; empty for a method that only services call.
    public let http: [HTTPRule]

    public init(
        service: String,
        name: String,
        idempotent: Bool,
        writes: Bool,
        scope: String,
        http: [HTTPRule]
    ) {
        self.service = service
        self.name = name
        self.idempotent = idempotent
        self.writes = writes
        self.scope = scope
        self.http = http
    }

    /// gRPC's path, `/<service>/<method>`.
    public var path: String { "/\(service)/\(name)" }
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
    /// A template such as `/v1/carts/{cart_id}/lines/{sku}`; a custom verb stands at the end, as in
    /// `/v1/orders/{id}:cancel`.
    public let path: String
    /// Which field the body fills: `*` for the whole message, empty for none.
    public let body: String

    public init(_ verb: Verb, _ path: String, body: String) {
        self.verb = verb
        self.path = path
        self.body = body
    }
}

/// A method and the service that serves it: a row of the gateway's table.
public struct RoutedMethod: Sendable, Hashable {
    /// As the registry knows it, as in `inventory`.
    public let service: String
    public let method: MethodDescriptor

    public init(service: String, method: MethodDescriptor) {
        self.service = service
        self.method = method
    }
}
