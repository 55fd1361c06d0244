package import MartletSQL

extension Outbox {
    /// How long the rows of its tables stay.
    package static let retentions = [
        TableRetention("outbox", .purged(after: sentRetention, since: "publication", by: purgeJob)),
        TableRetention("outbox_keys", .permanent(bound: "one for each topic and key that had an event")),
        TableRetention("outbox_source", .permanent(bound: "one")),
        TableRetention("outbox_leases", .permanent(bound: "one for each of \(partitions) partitions")),
        TableRetention(
            "inbox_positions",
            .permanent(bound: "one for each group, topic, key and source that had an event")
        ),
        TableRetention("inbox_parked_keys", .until("an operator has redriven or dropped its events")),
        TableRetention("inbox_parked", .until("an operator has redriven or dropped it")),
        TableRetention("idempotency", .purged(after: Idempotency.retention, since: "the request", by: purgeJob)),
    ]

    /// The job of the host that calls ``purge(in:)``.
    package static let purgeJob = "purge"
}
