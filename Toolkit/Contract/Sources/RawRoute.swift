/// The description of an endpoint beside contracts, whose requests and responses are bytes: a webhook, a form, a redirect.
///
/// A value that the service and the gateway share.
public struct RawRoute: Sendable, Hashable {
    /// Who may call an endpoint.
    public enum Users: Sendable, Hashable {
        /// Also without a token; a token that is sent must be valid.
        case anybody
        /// With a token that has this scope, or one of several separated by `|`.
        case scope(String)
    }

    public let verb: HTTPRule.Verb
    /// A template such as `/hooks/{sender}`.
    public let path: String
    public let users: Users
    /// Of one body; a larger one gets 413.
    public let bodyBytesMax: Int

    /// - Parameters:
    ///   - verb: The method of HTTP; HEAD is answered like GET.
    ///   - path: A template as that of a contract, as in `/hooks/{sender}`.
    ///   - users: Who may call it.
    ///   - bodyBytesMax: In bytes, from 0; the whole body is in memory.
    public init(_ verb: HTTPRule.Verb, _ path: String, users: Users, bodyBytesMax: Int) {
        precondition(bodyBytesMax >= 0)
        self.verb = verb
        self.path = path
        self.users = users
        self.bodyBytesMax = bodyBytesMax
    }

    /// The route as a method, by which callers are admitted and limited.
    ///
    /// It may be repeated, as senders of webhooks do: its handler makes repeats harmless.
    package func method(of service: String) -> MethodDescriptor {
        let scope =
            switch users {
            case .anybody: ""
            case .scope(let scope): scope
            }
        return MethodDescriptor(
            service: service,
            name: "\(verb.rawValue) \(path)",
            idempotent: true,
            writes: verb != .get,
            scope: scope,
            http: [HTTPRule(verb, path, body: "*")]
        )
    }
}
