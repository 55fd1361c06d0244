import MartletCore
import MartletMessaging
import MartletSQL

/// The late events of a service: stored apart from its parked keys, which they do not block.
enum LateEvents {
    /// Stores the event until an operator redrives or drops it; a repeat does nothing.
    static func store(_ event: Envelope, group: String, in tx: borrowing SQLTransaction) throws {
        try tx.run(
            """
            INSERT INTO inbox_late (group_name, topic, key, source, epoch, sequence, id, time, traceparent, tenant, body,
                state, received_at)
            VALUES (\(group), \(event.topic), \(event.key), \(event.source), \(event.epoch), \(event.sequence),
                \(event.id), \(event.time.microseconds), \(event.traceparent), \(event.tenant), \(event.body), 'late',
                \(tx.date.microseconds)) ON CONFLICT DO NOTHING
            """
        )
    }
}
