/// A stream of events of one type, as its contract declares it.
public struct Topic<Body: Sendable>: Sendable {
    public let name: String
    /// The ordering key: events of equal keys are handled in commit order.
    public let key: @Sendable (Body) -> String
    public let encode: @Sendable (Body) throws -> [UInt8]
    public let decode: @Sendable ([UInt8]) throws -> Body

    public init(
        _ name: String,
        key: @escaping @Sendable (Body) -> String,
        encode: @escaping @Sendable (Body) throws -> [UInt8],
        decode: @escaping @Sendable ([UInt8]) throws -> Body
    ) {
        self.name = name
        self.key = key
        self.encode = encode
        self.decode = decode
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
    public let body: [UInt8]

    public init(topic: String, key: String, body: [UInt8]) {
        self.topic = topic
        self.key = key
        self.body = body
    }

    /// - Throws: What the topic's encoding throws.
    public init<Body>(_ body: Body, on topic: Topic<Body>) throws {
        self.init(topic: topic.name, key: topic.key(body), body: try topic.encode(body))
    }
}
