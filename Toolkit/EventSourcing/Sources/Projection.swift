public import MartletSQL

/// A table that is derived from events inside the service, updated in the append's transaction.
public struct Projection: Sendable {
    public let name: String
    let apply: @Sendable (StoredEvent, borrowing SQLTransaction) throws -> Void
    let clear: @Sendable (borrowing SQLTransaction) throws -> Void

    /// - Parameters:
    ///   - apply: Takes one event in, upcasted. It sees the events of a stream in sequence, and must not care in which
    ///     sequence different streams come.
    ///   - clear: Empties the table, before it is rebuilt.
    public init(
        _ name: String,
        apply: @escaping @Sendable (StoredEvent, borrowing SQLTransaction) throws -> Void,
        clear: @escaping @Sendable (borrowing SQLTransaction) throws -> Void
    ) {
        self.name = name
        self.apply = apply
        self.clear = clear
    }
}
