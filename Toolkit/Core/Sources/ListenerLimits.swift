/// What all listeners of one process may spend together.
public struct ListenerLimits: Sendable, Hashable {
    /// Of all descriptors, connections may use one in so many: without free ones a process can neither write its log nor
    /// call another service, and its runtime fails too.
    public static let descriptorShare = 2
    /// The most connections, however many descriptors there are.
    public static let connectionsLimit = 10_000

    /// Of the connections, one in so many is for addresses that have few; none of fewer connections.
    public static let fewShare = 8

    /// What a connection needs for itself, in bytes: its state and what it may hold although the budget is spent.
    static let connectionBytes = 32 << 10

    /// Open connections; for one more, the longest idle one is closed, else one that has stalled for ``stallTime``.
    ///
    /// The last eighth is for addresses that have at most half as many as the one that has most.
    public var connectionsMax: Int
    /// Further connections while no other is idle; only questions about health are answered on these.
    public var healthConnectionsMax: Int
    /// Connections that were asked to close for another one and are still open.
    public var closingConnectionsMax: Int
    /// Bytes of requests and responses in flight.
    public var bytesMax = 256 << 20
    /// Of these, the bytes of connections without an accepted token.
    ///
    /// An address that holds an eighth of them leaves a quarter free for others.
    public var untrustedBytesMax = 128 << 20
    /// A connection whose client has neither sent nor taken anything for this time closes when its bytes or its place are
    /// needed.
    public var stallTime = Duration.seconds(2)
    /// The bytes of one connection.
    public var connection = ByteAccount.Limits(bytesMax: 64 << 20, untrustedBytesMax: 8 << 20, freeBytes: 16 << 10)

    /// Open connections from which on an address that has many needs the place of another connection.
    var crowdConnectionsMax: Int { connectionsMax - connectionsMax / Self.fewShare }

    /// - Parameters:
    ///   - connectionsMax: From 1.
    ///   - healthConnectionsMax: From 1.
    ///   - closingConnectionsMax: From 1.
    public init(connectionsMax: Int, healthConnectionsMax: Int, closingConnectionsMax: Int) {
        precondition(connectionsMax >= 1 && healthConnectionsMax >= 1 && closingConnectionsMax >= 1)
        self.connectionsMax = connectionsMax
        self.healthConnectionsMax = healthConnectionsMax
        self.closingConnectionsMax = closingConnectionsMax
    }

    /// The limits of a process with so many descriptors; `UInt64.max` means no limit.
    ///
    /// Half of them, at most 10,000, are for connections; at most 16 more for health, and 64 for those that close.
    public init(descriptors: UInt64) {
        let connections = max(1, min(Self.connectionsLimit, Int(clamping: descriptors / UInt64(Self.descriptorShare))))
        self.init(
            connectionsMax: connections,
            healthConnectionsMax: max(1, min(16, connections / 8)),
            closingConnectionsMax: max(1, min(64, connections / 8))
        )
    }
}
