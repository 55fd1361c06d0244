/// The input of a step that has none, and the result of one that returns nothing.
public struct NoValue: Codable, Sendable, Hashable {
    public init() {}
}
