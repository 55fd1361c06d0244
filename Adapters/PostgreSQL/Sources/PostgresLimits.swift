public import MartletSQL

/// Limits of a ``PostgresDatabase``.
public struct PostgresLimits: Sendable {
    /// Connections, each with a thread of its own; opened when they are needed first.
    ///
    /// A further one listens to notifications. All replicas of all services together stay below the server's
    /// `max_connections`.
    public var connections = 8
    /// Scans that run at once.
    ///
    /// At least 1, and fewer than ``connections``.
    public var scans = 4
    /// Scans that wait for others; those of one name leave a quarter of the places free.
    public var waitingScans = 1_000
    /// Maximum bodies that wait for a connection; further ones are refused as overload.
    public var waitingBodies = 10_000
    /// How often and how fast a body that conflicts runs again.
    public var repeats = SQLRepeats.Limits()
    /// How long one statement may run or wait, also without a deadline of its caller; a step of a schema has no limit.
    public var statementDuration: Duration = .seconds(30)
    /// How long the connection waits beyond a deadline for the server, which ends the statement itself; then it is closed.
    public var endDuration: Duration = .milliseconds(500)
    /// How long a commit may take before its outcome counts as unknown, as when a standby does not confirm it.
    public var commitDuration: Duration = .seconds(30)
    /// How long connecting to one host may take.
    public var connectDuration: Duration = .seconds(3)
    /// After a failure to connect, bodies fail at once for so long.
    public var unreachablePause: Duration = .milliseconds(500)
    /// The server ends a transaction whose process does nothing for so long, as one that is stopped.
    public var idleTransactionDuration: Duration = .seconds(60)
    /// Prepared statements of each connection; the least recently used one is closed.
    public var statements = 256
    /// A body that takes longer is logged by its name.
    public var slowBody: Duration = .seconds(1)

    public init() {}
}
