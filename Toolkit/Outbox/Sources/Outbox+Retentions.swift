package import MartletSQL

extension Outbox {
    /// How long the rows of its tables stay.
    package static let retentions = [
        TableRetention(
            "outbox",
            .purged(after: sentRetention, since: "publication, or as its topic declares", by: purgeJob)
        ),
        TableRetention("outbox_refused", .until("the broker accepts the event")),
        TableRetention("outbox_keys", .permanent(bound: "one for each topic and key that had an event")),
        TableRetention("outbox_source", .permanent(bound: "one")),
        TableRetention("outbox_leases", .permanent(bound: "one for each of \(partitions) partitions")),
        TableRetention("outbox_relays", .until("its relay ends in order, or a day after its lease ended")),
        TableRetention("outbox_resends", .permanent(bound: "one for each resend that an operator starts")),
        TableRetention(
            "inbox_positions",
            .permanent(bound: "one for each group, topic, key and source that had an event")
        ),
        TableRetention(
            "inbox_past_positions",
            .permanent(bound: "one for each position in an epoch that a restore of its source has ended")
        ),
        TableRetention("inbox_groups", .permanent(bound: "one for each group and topic")),
        TableRetention("inbox_waiting", .until("the events that were redelivered are handled or parked")),
        TableRetention("inbox_skipped", .permanent(bound: "one for each act of an operator")),
        TableRetention("inbox_late", .permanent(bound: "one for each event of an epoch that had ended")),
        TableRetention("inbox_losses", .permanent(bound: "one for each range that the broker removed of a group")),
        TableRetention("inbox_restores", .permanent(bound: "one for each restore from a backup")),
        TableRetention("inbox_parked_keys", .until("an operator has redriven or dropped its events")),
        TableRetention("inbox_parked", .until("an operator has redriven or dropped it")),
        TableRetention("inbox_processes", .until("its process has ended in order")),
        TableRetention(
            "inbox_attempts",
            .purged(after: AttemptRows.retention, since: "the last attempt", by: purgeJob)
        ),
        TableRetention("idempotency", .purged(after: Idempotency.retention, since: "the request", by: purgeJob)),
    ]

    /// The job of the host that calls ``purge(_:in:)``.
    package static let purgeJob = "purge"
}
