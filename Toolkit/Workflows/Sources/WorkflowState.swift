public import MartletCore

/// The state of a run.
public enum WorkflowState: String, Sendable, Hashable, CaseIterable {
    /// Executing, due, or waiting for a timer or a signal. Goes to any other.
    case open
    case completed
    /// Refused: it ended as its own code decided.
    case failed
    /// The code cannot decide how to continue. An operator retries it or has it compensated.
    case needsHuman = "needs_human"
}

/// The outcome of a run, in the types of its workflow.
public enum WorkflowOutcome<Output: Sendable>: Sendable {
    case open
    case completed(Output)
    case failed(WorkflowFailure)
    case needsHuman(reason: String)

    public var isOpen: Bool {
        if case .open = self { true } else { false }
    }
}

extension WorkflowOutcome: Equatable where Output: Equatable {}

/// Why a run ended without a result: the refusal that its code did not handle.
public struct WorkflowFailure: Error, Sendable, Hashable, Codable {
    /// The refused step; `nil` when the workflow itself refused.
    public let step: String?
    public let code: FaultCode
    public let reason: String
    public let message: String

    init(_ error: any FaultConvertible) {
        let fault = error.fault
        step = (error as? StepRefused)?.step
        code = fault.code
        reason = fault.reason.name
        message = fault.message
    }
}

extension WorkflowFailure: FaultConvertible {
    public var fault: Fault { Fault(code, Reason(name: reason), message) }
}

/// An event of a run, for metrics and alerts.
public struct WorkflowEvent: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        case claimed
        case stepRetried(String)
        case completed
        case failed(reason: String)
        /// An alert: the run stops until an operator acts.
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
