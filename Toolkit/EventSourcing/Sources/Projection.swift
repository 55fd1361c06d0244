public import MartletSQL

/// A table that is derived from events inside the service, updated in the append's transaction.
///
/// ```swift
/// let openDoors = Projection("open_doors") { event, tx in
///     switch event.type {
///     case "opened": try tx.run("INSERT INTO open_doors (door) VALUES (\(event.stream))")
///     default: try tx.run("DELETE FROM open_doors WHERE door = \(event.stream)")
///     }
/// } clear: { tx in
///     try tx.run("DELETE FROM open_doors")
/// }
/// let store = EventStore(projections: [openDoors], upcasters: [])
/// ```
public struct Projection: Sendable {
    let name: String
    let apply: @Sendable (StoredEvent, borrowing SQLTransaction) throws -> Void
    let clear: @Sendable (borrowing SQLTransaction) throws -> Void

    /// - Parameters:
    ///   - name: For readers; it is not stored.
    ///   - apply: Handles one upcasted event. The events of a stream come in order; it must not depend on the order
    ///     between streams.
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
