package import MartletSQL

extension EventLog {
    /// How long the rows of its tables stay, with the limits that are not set otherwise.
    package static let retentions = [
        TableRetention("log_topics", .permanent(bound: "one for each topic")),
        TableRetention("log_partitions", .permanent(bound: "one for each partition of a topic")),
        TableRetention(
            "log_events",
            .purged(after: EventLogLimits().retention, since: "every group has acknowledged it", by: "event log")
        ),
        TableRetention("log_positions", .permanent(bound: "one for each group and partition")),
        TableRetention("log_groups", .until("an operator removes the group")),
        TableRetention("log_losses", .permanent(bound: "one for each range that was purged or removed")),
        TableRetention("log_audit", .permanent(bound: "one for each act of an operator")),
        TableRetention("log_acknowledged", .until("all earlier events of its partition are acknowledged")),
    ]
}
