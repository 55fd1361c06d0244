public import MartletCore

/// Where a run stands.
public enum WorkflowState: String, Sendable, Hashable, CaseIterable {
    /// Runs, waits its turn, or waits for a timer or a signal. Goes to any other.
    case open
    case completed
    /// Refused: it ended as its own code decided.
    case failed
    /// Something happened that code cannot decide. An operator retries it or has it compensated.
    case needsHuman = "needs_human"
}

/// How a run came out, in the types of its workflow.
public enum WorkflowOutcome<Output: Sendable>: Sendable {
    case open
    case completed(Output)
    case failed(WorkflowFailure)
    case needsHuman(reason: String)

    public var isSettled: Bool {
        if case .open = self { false } else { true }
    }
}

extension WorkflowOutcome: Equatable where Output: Equatable {}

/// Why a run ended without a result: the refusal that its code let pass.
public struct WorkflowFailure: Error, Sendable, Hashable, Codable {
    /// The refused step; `nil` when the workflow itself refused.
    public let step: String?
    public let code: Int
    public let reason: String
    public let message: String

    init(_ error: any FaultConvertible) {
        let fault = error.fault
        step = (error as? StepRefused)?.step
        code = fault.code.rawValue
        reason = fault.reason.name
        message = fault.message
    }
}

extension WorkflowFailure: FaultConvertible {
    public var fault: Fault { Fault(FaultCode(rawValue: code) ?? .failedPrecondition, Reason(name: reason), message) }
}

/// What happens to runs, for metrics and alarms.
public struct WorkflowEvent: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case claimed
        case stepRetried(String)
        case completed
        case failed(reason: String)
        /// An alarm: nobody goes on with this run but a human.
        case needsHuman(reason: String)
    }

    public let workflow: String
    public let version: Int
    public let run: String
    public let kind: Kind

    init(_ run: ClaimedRun, _ kind: Kind) {
        workflow = run.workflow
        version = run.version
        self.run = run.id
        self.kind = kind
    }
}
