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
