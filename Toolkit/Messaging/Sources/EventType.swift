import MartletCore

/// What an event's body is: the full name of its message, and how it is encoded.
public struct EventType: Sendable, Hashable {
    /// The content type of a protobuf message in its binary form.
    public static let protobuf = "application/protobuf"

    /// As in `links.v1.LinkCreated`.
    public let name: String
    /// As in `application/protobuf`.
    public let contentType: String

    /// - Parameters:
    ///   - name: The message's full name; 1 to 255 bytes.
    ///   - contentType: How its bytes are encoded; 1 to 255 bytes.
    public init(_ name: String, contentType: String = EventType.protobuf) {
        precondition(1...255 ~= name.utf8.count && 1...255 ~= contentType.utf8.count)
        self.name = name
        self.contentType = contentType
    }

    /// The type of what was stored or received; `nil` when it has no name: it is that of its topic.
    ///
    /// - Parameters:
    ///   - name: `nil` or empty when the event was published before events had types.
    ///   - contentType: `nil` or empty for protobuf.
    package init?(stored name: String?, contentType: String?) {
        guard let name, 1...255 ~= name.utf8.count else { return nil }
        self.name = name
        self.contentType = contentType.flatMap { 1...255 ~= $0.utf8.count ? $0 : nil } ?? Self.protobuf
    }

    public static func == (left: EventType, right: EventType) -> Bool {
        ExactText(left.name) == ExactText(right.name) && ExactText(left.contentType) == ExactText(right.contentType)
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(ExactText(name))
        hasher.combine(ExactText(contentType))
    }
}

/// An event is of another type than its topic: its body is not decoded.
public struct UnknownEventType: Error, Sendable, Hashable, CustomStringConvertible {
    public let topic: String
    public let type: EventType

    package init(_ type: EventType, on topic: String) {
        self.type = type
        self.topic = topic
    }

    public var description: String {
        "an event of the topic \(topic) has the unknown type \(type.name) (\(type.contentType))"
    }
}
