import MartletCore

/// A run while this process holds its lease.
struct ClaimedRun: Sendable {
    let id: String
    let workflow: String
    let version: Int
    let input: String
    /// For whom the run acts.
    let party: Principal.Party
    var trace: TraceContext?
    let owner: String
    /// The fencing token: incremented by every claim; a write with an old one is refused.
    let fencingToken: Int
    /// Failed attempts of the open step, this claim's not included.
    let attempts: Attempts
    let isForced: Bool
    var journal: [JournalEntry]
    /// The database's clock at the claim, by which its timers expire.
    let date: Timestamp
    /// Why the run cannot be read; it then needs a human.
    var unreadable: String?

    var key: String { WorkflowKey.text(workflow, version) }
}

/// Another owner has claimed the run, or an operator ends it: this execution may write nothing more.
struct LeaseLost: Error, Equatable {}

/// What a journal transaction does to its run's row.
enum RunChange: Sendable {
    /// A step made progress: the lease is renewed and failed attempts are reset.
    case progressed(leaseUntil: Timestamp)
    case suspended(until: Timestamp?, waitingFor: String?, attempts: Attempts)
    case completed(output: String)
    case failed(error: String)
    case needsHuman(error: String)
}
