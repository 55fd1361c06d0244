import MartletOutbox
public import MartletSQL

/// A kind of thing in a service's database that waits for an operator, as a count.
///
/// Every service exposes its counts as `martlet_waiting_for_operator`, and `martlet status` lists those above 0. What the
/// toolkit knows is counted for each service: parked keys, gaps, late events, lost events, refused keys, running resends, and
/// workflow runs that need a human.
///
/// ```swift
/// let work = OperatorWork("broken_links") { tx in
///     try tx.run("SELECT 1 FROM links WHERE code = ''").count
/// }
/// ```
public struct OperatorWork: Sendable {
    /// Its name, as the value of a label: as in `broken_links`.
    public let kind: String
    let count: @Sendable (borrowing SQLTransaction) throws -> Int

    /// - Parameters:
    ///   - kind: In lower case, with underscores; unique in the service.
    ///   - count: Counts on a snapshot, every five seconds: by an index, or of a small table.
    public init(_ kind: String, count: @escaping @Sendable (borrowing SQLTransaction) throws -> Int) {
        self.kind = kind
        self.count = count
    }

    /// What every service has.
    static let toolkit = [
        OperatorWork("parked_keys") { try $0.run("SELECT COUNT(*) FROM inbox_parked_keys").first?.int(0) ?? 0 },
        OperatorWork("keys_with_gaps") { try Gaps.keysWithGaps(in: $0) },
        OperatorWork("late_events") {
            try $0.run("SELECT COUNT(*) FROM inbox_late WHERE state = 'late'").first?.int(0) ?? 0
        },
        OperatorWork("lost_events") { try InboxLosses.unconfirmedEvents(in: $0) },
        OperatorWork("refused_keys") { try $0.run("SELECT COUNT(*) FROM outbox_refused").first?.int(0) ?? 0 },
        OperatorWork("running_resends") {
            try $0.run("SELECT COUNT(*) FROM outbox_resends WHERE state = 'running'").first?.int(0) ?? 0
        },
    ]

    /// The kind of workflow runs that need a human.
    static let runs = "workflow_runs"
}
