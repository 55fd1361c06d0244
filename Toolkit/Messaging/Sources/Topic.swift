import MartletCore

/// A stream of events of one type, as its contract declares it.
///
/// The generator writes one for each message with the option `event`. Events are published on it, and subscriptions
/// name it.
///
/// ```swift
/// func announce(_ code: String, in tx: borrowing SQLTransaction) throws {
///     try tx.publish(.with { $0.code = code }, on: LinksTopics.created)
/// }
///
/// let subscription = Subscription.on(LinksTopics.created, group: "codes") { event, tx in
///     try tx.run("INSERT INTO codes (code) VALUES (\(event.code))")
/// }
/// ```
public struct Topic<Body: Sendable>: Sendable {
    public let name: String
    /// The service whose events these are, by its contract's name in the registry; `nil` for a topic of no contract.
    public let source: String?
    /// Of the published events; `nil` for a topic whose events have none.
    public let type: EventType?
    /// How a broker is to store it, as its contract declares it.
    public let plan: TopicPlan
    /// The ordering key: events of equal keys are handled in commit order.
    let key: @Sendable (Body) -> String
    let encode: @Sendable (Body) throws -> [UInt8]
    /// Decodes a body of the topic's type; see ``read(_:)`` for events.
    public let decode: @Sendable ([UInt8]) throws -> Body
    /// For operators; `nil` when bodies have no JSON form.
    package let json: BodyJSON?

    /// - Parameters:
    ///   - name: The topic's name.
    ///   - source: The service whose events these are; `nil` for a topic of no contract.
    ///   - type: What its bodies are; `nil` for bodies that only this topic's code can read.
    ///   - partitions: In how many partitions a broker stores it, 1 to 256; `nil` for the broker's own number.
    ///   - retention: How long an event stays after every group has handled it, 1 s to ten years; `nil` for the broker's
    ///     own time.
    ///   - key: The ordering key of a body.
    ///   - encode: The bytes of a body.
    ///   - decode: The body of bytes.
    ///   - json: The JSON form of bodies; `nil` when they have none.
    public init(
        _ name: String,
        source: String? = nil,
        type: EventType? = nil,
        partitions: Int? = nil,
        retention: Duration? = nil,
        key: @escaping @Sendable (Body) -> String,
        encode: @escaping @Sendable (Body) throws -> [UInt8],
        decode: @escaping @Sendable ([UInt8]) throws -> Body,
        json: BodyJSON? = nil
    ) {
        self.name = name
        self.source = source
        self.type = type
        plan = TopicPlan(name, partitions: partitions, retention: retention)
        self.key = key
        self.encode = encode
        self.decode = decode
        self.json = json
    }

    /// Decodes an event's body, if it is of the topic's type or has no type.
    ///
    /// - Throws: ``UnknownEventType``; what the decoding throws.
    public func read(_ event: Envelope) throws -> Body {
        if let type = event.type, type != self.type { throw UnknownEventType(type, on: name) }
        return try decode(event.body)
    }
}

/// Converts encoded event bodies to JSON and back, so that an operator can read and edit them.
public struct BodyJSON: Sendable {
    /// - Throws: When the bytes are not of the topic's type.
    package let text: @Sendable ([UInt8]) throws -> String
    /// - Throws: When the text is not the topic's type as JSON; the error states where.
    package let bytes: @Sendable (String) throws -> [UInt8]

    /// - Parameters:
    ///   - text: The JSON of encoded bodies.
    ///   - bytes: The encoded body of JSON; gets no escaped pairs of surrogates, which SwiftProtobuf joins wrongly.
    public init(
        text: @escaping @Sendable ([UInt8]) throws -> String,
        bytes: @escaping @Sendable (String) throws -> [UInt8]
    ) {
        self.text = text
        self.bytes = { try bytes(JSONPairs.joined($0)) }
    }
}

/// A topic whose event type is not known, so that a list can hold topics of several types.
///
/// A function that takes `some EventTopic` gets the typed topic of each.
public protocol EventTopic: Sendable {
    associatedtype Body: Sendable

    var typed: Topic<Body> { get }
}

extension Topic: EventTopic {
    public var typed: Topic<Body> { self }
}

/// An event to be appended to the outbox: topic, key and encoded body.
public struct OutgoingEvent: Sendable, Hashable {
    public let topic: String
    public let key: String
    /// What the body is; `nil` for the type of the topic.
    public let type: EventType?
    public let body: [UInt8]

    public init(topic: String, key: String, type: EventType? = nil, body: [UInt8]) {
        self.topic = topic
        self.key = key
        self.type = type
        self.body = body
    }

    /// - Throws: What the topic's encoding throws.
    public init<Body>(_ body: Body, on topic: Topic<Body>) throws {
        self.init(topic: topic.name, key: topic.key(body), type: topic.type, body: try topic.encode(body))
    }
}
