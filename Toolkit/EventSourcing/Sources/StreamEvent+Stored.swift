import MartletSQL

extension StreamEvent {
    /// - Parameter stored: Upcasted.
    /// - Throws: ``UnreadableEvent`` for a newer schema, or a body that no version of this program wrote.
    public init(_ stored: StoredEvent) throws(UnreadableEvent) {
        guard stored.schema <= Self.schema else { throw UnreadableEvent(stored) }
        do { self = try StoredJSON.value(Self.self, from: stored.body) } catch { throw UnreadableEvent(stored) }
    }
}
