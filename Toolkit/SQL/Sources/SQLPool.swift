/// The connections of a database's process at one moment.
public struct SQLPool: Sendable, Hashable {
    /// Open connections, in use or not.
    public var connections: Int
    /// Connections that run a body, or commit.
    public var inUse: Int
    /// Bodies that wait for a connection, and scans that wait for others; a number that stays above zero means that the database limits the service.
    public var waiting: Int
    /// Reads of the kind ``SQLReadKind/scan`` that may run at once; 0 where bodies run on their callers' threads.
    public var scansLimit: Int

    public init(connections: Int = 0, inUse: Int = 0, waiting: Int = 0, scansLimit: Int = 0) {
        self.connections = connections
        self.inUse = inUse
        self.waiting = waiting
        self.scansLimit = scansLimit
    }
}
