public import MartletCore

/// One event of a stream, as it is stored: private to its service, with ids and never personal data.
public struct StoredEvent: Sendable, Hashable {
    public let stream: String
    /// From 1, gapless in its stream.
    public let version: Int
    /// The event's stored name; renamed only by an upcaster.
    public let type: String
    /// The schema version of the body, from 1.
    public let schema: Int
    /// JSON.
    public let body: String
    /// By the database's clock; the same for all events of one append.
    public let at: Timestamp
    /// What `body` was encoded from, where this program has just appended the event.
    let encoded: EncodedValue

    public init(stream: String, version: Int, type: String, schema: Int, body: String, at: Timestamp) {
        self.stream = stream
        self.version = version
        self.type = type
        self.schema = schema
        self.body = body
        self.at = at
        encoded = EncodedValue(value: nil)
    }

    /// - Parameter value: What the event's body was encoded from, if it is known.
    init(_ event: NewEvent, from value: (any StreamEvent)?, stream: String, version: Int, at: Timestamp) {
        self.stream = stream
        self.version = version
        type = event.type
        schema = event.schema
        body = event.body
        self.at = at
        encoded = EncodedValue(value: value)
    }
}

/// A value beside its encoding: all are equal, since the encodings are compared.
struct EncodedValue: Sendable, Hashable {
    let value: (any StreamEvent)?

    static func == (_: EncodedValue, _: EncodedValue) -> Bool { true }

    func hash(into _: inout Hasher) {}
}

/// An event about to be appended.
public struct NewEvent: Sendable, Hashable {
    public let type: String
    public let schema: Int
    /// JSON.
    public let body: String

    public init(type: String, schema: Int, body: String) {
        precondition(schema >= 1)
        self.type = type
        self.schema = schema
        self.body = body
    }
}

/// The stream does not have the expected version: nothing was appended.
public struct VersionConflict: Error, Equatable {
    public let stream: String
    public let expected: Int
    /// At least this one, when another transaction has appended it at the same time.
    public let actual: Int

    package init(stream: String, expected: Int, actual: Int) {
        self.stream = stream
        self.expected = expected
        self.actual = actual
    }
}

extension VersionConflict: FaultConvertible {
    public var fault: Fault {
        Fault(.aborted, .conflict, "another change was committed first", cause: self)
    }
}
