import MartletSQL

extension StreamEvent {
    /// An event that this process has just appended is not decoded: it is the value that was appended.
    ///
    /// - Parameter stored: Upcasted.
    /// - Throws: ``UnreadableEvent`` for a newer schema, or a body that no version of this program wrote.
    public init(_ stored: StoredEvent) throws(UnreadableEvent) {
        guard stored.schema <= Self.schema else { throw UnreadableEvent(stored) }
        if let value = stored.encoded.value as? Self {
            self = value
            return
        }
        do { self = try StoredJSON.value(Self.self, from: stored.body) } catch { throw UnreadableEvent(stored) }
    }
}
