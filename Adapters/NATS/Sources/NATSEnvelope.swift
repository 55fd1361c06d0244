import MartletCore
import MartletMessaging

/// An event as a message: the binary mode of CloudEvents' binding for NATS.
///
/// The body is the message's; the attributes are headers with the prefix `ce-`, their values percent-encoded. Absent
/// attributes have no header.
enum NATSEnvelope {
    /// The server stores one message for each value within its duplicate window.
    private static let messageID = "Nats-Msg-Id"

    static func headers(of event: Envelope) -> [(name: String, value: String)] {
        let key = coded(event.key)
        let source = coded(event.source)
        var headers = [
            (messageID, "\(source)/\(event.epoch)/\(key)/\(event.sequence)"), ("ce-specversion", "1.0"),
            ("ce-id", coded(event.id)), ("ce-source", source), ("ce-epoch", "\(event.epoch)"),
            ("ce-partitionkey", key), ("ce-sequence", "\(event.sequence)"), ("ce-time", "\(event.time)"),
        ]
        if let type = event.type {
            headers += [("ce-type", coded(type.name)), ("content-type", coded(type.contentType))]
        }
        if let since = event.keySince { headers.append(("ce-keysince", "\(since)")) }
        if let trace = event.traceparent { headers.append(("ce-traceparent", coded(trace))) }
        if !event.tenant.isEmpty { headers.append(("ce-tenant", coded(event.tenant))) }
        return headers
    }

    /// gRPC's coding, and the space and the quotation mark, as CloudEvents asks; ``PercentText`` decodes both.
    private static func coded(_ text: String) -> String {
        let coded = PercentText.encode(text)
        // Seldom: replacing in a text without either costs more than all the rest of a header.
        guard coded.utf8.contains(where: { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\"") }) else { return coded }
        return coded.replacing(" ", with: "%20").replacing("\"", with: "%22")
    }

    /// The event of a message; `nil` when it is not one of ours.
    static func event(_ message: borrowing NATSMessage, on topic: String) -> Envelope? {
        func text(_ name: String) -> String? { message.header(name).map { PercentText.decode($0) } }
        guard let id = text("ce-id"), let source = text("ce-source"), let key = text("ce-partitionkey"),
            let epoch = message.header("ce-epoch").flatMap({ Int($0) }),
            let sequence = message.header("ce-sequence").flatMap({ Int64($0) }),
            let time = message.header("ce-time").flatMap({ Timestamp($0) })
        else { return nil }
        return Envelope(
            id: id,
            source: source,
            epoch: epoch,
            topic: topic,
            key: key,
            sequence: sequence,
            time: time,
            keySince: message.header("ce-keysince").flatMap { Timestamp($0) },
            traceparent: text("ce-traceparent"),
            tenant: text("ce-tenant") ?? "",
            type: EventType(stored: text("ce-type"), contentType: text("content-type")),
            body: message.body
        )
    }
}
