/// Whether a database takes the named locks of a transaction (`SQLOptions.locks`).
public enum SQLNamedLocks: Sendable, Hashable {
    /// They are taken before the snapshot, and held until the transaction ends.
    case taken
    /// They have nothing to do, since two transactions of the database never run at once.
    case notNeeded
    /// They cannot be taken, as behind a pooler that changes connections between transactions: transactions on the same
    /// rows conflict and run again. A service states it in its log when it starts.
    case unavailable
}
