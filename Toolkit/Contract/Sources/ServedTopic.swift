/// A topic on which the service of a contract publishes, as the contract names it.
public struct ServedTopic: Sendable, Hashable {
    public let name: String
    /// In how many partitions a broker stores it; `nil` for the broker's own number.
    public let partitions: Int?
    /// How long an event stays after every group has handled it; `nil` for the broker's own time.
    public let retention: Duration?

    public init(_ name: String, partitions: Int? = nil, retention: Duration? = nil) {
        self.name = name
        self.partitions = partitions
        self.retention = retention
    }
}
