/// A topic on which the service of a contract publishes, as the contract names it.
public struct ServedTopic: Sendable, Hashable {
    public let name: String

    public init(_ name: String) { self.name = name }
}
