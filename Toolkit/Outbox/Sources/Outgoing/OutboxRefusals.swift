import MartletCore
import MartletMessaging
import MartletSQL

/// The keys of which the broker has refused an event: they are published again after a pause of their own.
enum OutboxRefusals {
    static let migrations = [
        Migration(
            "outbox.refused",
            1,
            [
                // A row exists from a refusal until the broker accepts the event.
                """
                CREATE TABLE outbox_refused (
                    topic TEXT NOT NULL, key TEXT NOT NULL, partition BIGINT NOT NULL, attempts BIGINT NOT NULL,
                    refused_at BIGINT NOT NULL, retry_at BIGINT NOT NULL, reason TEXT NOT NULL, message TEXT NOT NULL,
                    PRIMARY KEY (topic, key))
                """
            ]
        ),
        Migration(
            "outbox.refused.audit",
            1,
            [
                """
                CREATE VIEW audit_refused_keys AS
                    SELECT topic, key, reason, message, attempts, refused_at, retry_at FROM outbox_refused
                """
            ]
        ),
    ]

    /// A key's first event that was refused.
    struct Refused: Sendable {
        let row: OutboxStore.Row
        let refusal: PublishRefusal
        /// Until the next attempt.
        let pause: Duration
    }

    /// Splits a published batch by its outcomes.
    ///
    /// What comes after a refused event of its key counts as refused, whatever the bus did: each key is marked in order.
    static func split(
        _ rows: [OutboxStore.Row],
        _ outcomes: [PublishOutcome],
        pause: (_ attempts: Int) -> Duration
    ) throws -> (accepted: [OutboxStore.Row], refused: [Refused]) {
        guard rows.count == outcomes.count else {
            throw Fault(.internal, .internal, "the bus answered \(outcomes.count) of \(rows.count) events")
        }
        let refusals = PublishRefusals(
            of: zip(rows, outcomes).map { row, outcome in
                // Only what follows here is behind another: the first of a key is retried by its own pause.
                let refusal = outcome.refusal
                return (row.event, refusal == .behind ? PublishRefusal("bus.refused", "it was refused") : refusal)
            }
        )
        var accepted: [OutboxStore.Row] = []
        var refused: [Refused] = []
        for (row, outcome) in zip(rows, refusals.outcomes) {
            switch outcome {
            case .accepted:
                accepted.append(row)
            case .refused(let refusal) where refusal != .behind:
                refused.append(Refused(row: row, refusal: refusal, pause: pause(row.refusals + 1)))
            case .refused:
                break
            }
        }
        return (accepted, refused)
    }

    /// Removes the keys whose event was accepted, and stores those that were refused; both only of partitions that are
    /// leased still.
    static func update(
        accepted: [OutboxStore.Row],
        refused: [Refused],
        under leases: [OutboxStore.Lease],
        in tx: borrowing SQLTransaction
    ) throws {
        let partitions = Set(leases.map(\.partition))
        for row in accepted where row.refusals > 0 && partitions.contains(row.partition) {
            try tx.run("DELETE FROM outbox_refused WHERE topic = \(row.event.topic) AND key = \(row.event.key)")
        }
        for item in refused where partitions.contains(item.row.partition) {
            let (event, now) = (item.row.event, try tx.date)
            try tx.run(
                """
                INSERT INTO outbox_refused (topic, key, partition, attempts, refused_at, retry_at, reason, message)
                VALUES (\(event.topic), \(event.key), \(item.row.partition), 1, \(now.microseconds),
                    \((now + item.pause).microseconds), \(item.refusal.reason.name), \(item.refusal.message))
                ON CONFLICT (topic, key) DO UPDATE SET attempts = outbox_refused.attempts + 1,
                    retry_at = excluded.retry_at, reason = excluded.reason, message = excluded.message
                """
            )
        }
    }
}
