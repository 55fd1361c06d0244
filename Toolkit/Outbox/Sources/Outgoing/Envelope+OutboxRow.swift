import MartletCore
package import MartletMessaging
package import MartletSQL

extension Envelope {
    /// - Parameter row: Of the outbox of `source`: topic, key, epoch, sequence, time, traceparent, body,
    ///   type, content type, key since.
    /// - Throws: `UnreadableRow`.
    package init(outboxRow row: SQLRow, of source: String) throws {
        let (topic, key, epoch, sequence) = try (row.text(0), row.text(1), row.int(2), row.int64(3))
        try self.init(
            // Only a key may contain a slash, so ids are unique.
            id: "\(source)/\(epoch)/\(topic)/\(key)/\(sequence)",
            source: source,
            epoch: epoch,
            topic: topic,
            key: key,
            sequence: sequence,
            time: Timestamp(microseconds: row.int64(4)),
            keySince: row.intIfPresent(9).map { Timestamp(microseconds: Int64($0)) },
            traceparent: row.textIfPresent(5),
            type: EventType(stored: row.textIfPresent(7), contentType: row.textIfPresent(8)),
            body: row.bytes(6)
        )
    }
}
