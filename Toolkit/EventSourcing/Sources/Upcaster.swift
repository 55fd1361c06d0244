/// Turns stored events of an old form into the next one, when they are read; what is stored never changes.
///
/// Upcasters are chained until none fits.
public struct Upcaster: Sendable {
    public let type: String
    /// The form that this one understands.
    public let schema: Int
    let upcast: @Sendable (NewEvent) throws -> NewEvent

    /// - Parameter upcast: Answers the event in a newer form; it may rename it.
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

/// All upcasters of a service, by what they understand.
struct UpcasterChain: Sendable {
    /// Forms that one event may pass through.
    static let stepsLimit = 100

    private struct Form: Hashable {
        let type: String
        let schema: Int
    }

    private let upcasters: [Form: Upcaster]

    init(_ upcasters: [Upcaster]) {
        var known: [Form: Upcaster] = [:]
        for upcaster in upcasters {
            let form = Form(type: upcaster.type, schema: upcaster.schema)
            precondition(known[form] == nil, "two upcasters for \(form.type) \(form.schema)")
            known[form] = upcaster
        }
        self.upcasters = known
    }

    /// - Throws: ``UnreadableEvent`` when the chain turns in a circle; otherwise what an upcaster throws.
    func upcast(_ event: StoredEvent) throws -> StoredEvent {
        var now = NewEvent(type: event.type, schema: event.schema, body: event.body)
        var steps = 0
        while let upcaster = upcasters[Form(type: now.type, schema: now.schema)] {
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
