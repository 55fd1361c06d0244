/// Converts stored events of an old schema when they are read; a new schema never changes stored events.
///
/// Upcasters are chained until none applies.
public struct Upcaster: Sendable {
    let type: String
    /// The schema version that it converts.
    let schema: Int
    let upcast: @Sendable (NewEvent) throws -> NewEvent

    /// - Parameters:
    ///   - type: The event type that it converts.
    ///   - schema: The schema version that it converts.
    ///   - upcast: Returns the event in a newer schema; it may rename it.
    public init(
        _ type: String,
        schema: Int,
        _ upcast: @escaping @Sendable (_ old: NewEvent) throws -> NewEvent
    ) {
        self.type = type
        self.schema = schema
        self.upcast = upcast
    }
}

/// All upcasters of a service, by event type and schema version.
struct UpcasterChain: Sendable {
    /// The most conversions of one event.
    static let stepsLimit = 100

    private struct Key: Hashable {
        let type: String
        let schema: Int
    }

    private let upcasters: [Key: Upcaster]

    init(_ upcasters: [Upcaster]) {
        var known: [Key: Upcaster] = [:]
        for upcaster in upcasters {
            let key = Key(type: upcaster.type, schema: upcaster.schema)
            precondition(known[key] == nil, "two upcasters for \(key.type) \(key.schema)")
            known[key] = upcaster
        }
        self.upcasters = known
    }

    /// - Throws: ``UnreadableEvent`` when the chain has a cycle; otherwise what an upcaster throws.
    func upcast(_ event: StoredEvent) throws -> StoredEvent {
        var now = NewEvent(type: event.type, schema: event.schema, body: event.body)
        var steps = 0
        while let upcaster = upcasters[Key(type: now.type, schema: now.schema)] {
            steps += 1
            guard steps <= Self.stepsLimit else { throw UnreadableEvent(event) }
            now = try upcaster.upcast(now)
        }
        guard steps > 0 else { return event }
        return StoredEvent(
            stream: event.stream,
            version: event.version,
            type: now.type,
            schema: now.schema,
            body: now.body,
            at: event.at
        )
    }
}

/// A stored event that this program cannot read: a newer program wrote it, or an upcaster is missing.
public struct UnreadableEvent: Error, Equatable {
    public let stream: String
    public let version: Int
    public let type: String
    public let schema: Int

    init(_ event: StoredEvent) {
        stream = event.stream
        version = event.version
        type = event.type
        schema = event.schema
    }
}
