/// Whom a connection authenticates by itself, apart from the tokens of its calls, as a certificate does.
///
/// There is none today: connections have no certificates.
public struct PeerIdentity: Sendable, Hashable {
    /// The service's name in the registry.
    public let name: ExactText

    public init(name: ExactText) { self.name = name }
}
