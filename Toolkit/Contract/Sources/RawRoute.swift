/// The description of an endpoint beside contracts, whose requests and responses are bytes: a webhook, a form, a redirect.
///
/// A value that the service and the gateway share.
public struct RawRoute: Sendable, Hashable {
    public let verb: HTTPRule.Verb
    /// A template such as `/hooks/{sender}`.
    public let path: String
    /// Who may call; no service may, since services call contracts.
    ///
    /// A token that is sent must be valid, also where anybody may call.
    public let users: AccessPolicy.Users
    /// Of one body; a larger one gets 413.
    public let bodyBytesMax: Int

    /// - Parameters:
    ///   - verb: The method of HTTP; HEAD is answered like GET.
    ///   - path: A template as that of a contract, as in `/hooks/{sender}`.
    ///   - users: Who may call it.
    ///   - bodyBytesMax: In bytes, from 0; the whole body is in memory.
    public init(_ verb: HTTPRule.Verb, _ path: String, users: AccessPolicy.Users, bodyBytesMax: Int) {
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
        MethodDescriptor(
            service: service,
            name: "\(verb.rawValue) \(path)",
            idempotent: true,
            writes: verb != .get,
            users: users,
            callers: [],
            http: [HTTPRule(verb, path, body: "*")]
        )
    }
}
