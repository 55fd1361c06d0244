public import MartletCore
import MartletSQL

/// An operator's view of a run.
public struct WorkflowRun: Sendable, Hashable {
    public let id: String
    public let workflow: String
    public let version: Int
    public let state: WorkflowState
    /// True while a process executes it.
    public let isRunning: Bool
    /// The signal for which it waits.
    public let waitingFor: String?
    /// When it may be claimed next; `nil` when only a signal can wake it, or nothing.
    public let wakeAt: Timestamp?
    /// Failed attempts of its current step.
    public let attempts: Int
    /// True when an operator had it compensated.
    public let isForced: Bool
    /// JSON, with ids only.
    public let input: String
    public let output: String?
    /// Why it failed (JSON) or needs a human (a sentence).
    public let error: String?
    public let principal: String
    public let traceparent: String?
    public let createdAt: Timestamp
    public let updatedAt: Timestamp

    static let columns =
        "id, workflow, version, state, lease_owner, waiting_for, wake_at, attempts, forced, input, output, error, "
        + "principal, traceparent, created_at, updated_at"

    /// - Throws: `UnreadableRow`.
    init(row: SQLRow) throws {
        id = try row.text(0)
        workflow = try row.text(1)
        version = try row.int(2)
        state = try row.decode(3, as: WorkflowState.self)
        isRunning = try !row.isNull(4)
        waitingFor = try row.textIfPresent(5)
        wakeAt = try row.intIfPresent(6).map { Timestamp(microseconds: Int64($0)) }
        attempts = try row.int(7)
        isForced = try row.bool(8)
        input = try row.text(9)
        output = try row.textIfPresent(10)
        error = try row.textIfPresent(11)
        principal = try row.text(12)
        traceparent = try row.textIfPresent(13)
        createdAt = try Timestamp(microseconds: row.int64(14))
        updatedAt = try Timestamp(microseconds: row.int64(15))
    }
}

/// A signal that was sent to a run.
package struct WorkflowSignal: Sendable, Hashable {
    package let seq: Int
    package let name: String
    /// The journal sequence of the step that consumed it; `nil` while it is unconsumed.
    package let consumedBy: Int?
    package let at: Timestamp
}

/// The position of a page of runs: after this run.
public struct WorkflowCursor: Sendable, Hashable {
    public let createdAt: Timestamp
    public let id: String

    public init(createdAt: Timestamp, id: String) {
        self.createdAt = createdAt
        self.id = id
    }
}

/// How many runs of one workflow version are in one state.
package struct WorkflowCount: Sendable, Hashable {
    package let workflow: String
    package let version: Int
    package let state: WorkflowState
    package let count: Int
}
