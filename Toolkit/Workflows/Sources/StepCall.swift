public import MartletCore

/// What a remote step's call gets: the key that makes a repeat harmless, and the context that carries it.
public struct StepCall: Sendable {
    /// `run/step`, the same in every attempt.
    public let key: String
    /// With the key, the service as principal on behalf of the run's, the run's trace, and this attempt's deadline.
    public let context: CallContext
}

/// What a look-up found out about a call whose answer never came.
public enum StepResolution<R: Sendable>: Sendable {
    case done(R)
    case refused(Fault)
    /// Nothing happened, and nothing can happen any more under this key: the step is asked again under a new one.
    case notDone
    /// Not known yet: looked up again after a pause.
    case unknown
}

/// For how long a step's callee answers a repeat as it answered first.
public enum StepMemory: Sendable, Hashable {
    /// While it keeps the key: an older one is looked up, and without a look-up its run waits for a person.
    case byKey
    /// For ever: the request names what it is about by an id of its own, which the callee never forgets. However old, it is
    /// asked again.
    case forever
}

/// The callee decided against a step: nothing happened, and the refusal is journaled.
public struct StepRefused: Error, Sendable {
    public let step: String
    public let fault: Fault

    public init(step: String, fault: Fault) {
        self.step = step
        self.fault = fault
    }

    public var reason: Reason { fault.reason }
}

extension StepRefused: FaultConvertible {}

/// This execution ended here: the run waits, was parked, or belongs to another process.
///
/// A workflow lets it pass. Catching it changes nothing: every further call of the context throws it again.
public struct WorkflowInterrupted: Error, Equatable {}

/// A refusal as it is stored.
struct StoredRefusal: Codable, Sendable, Equatable {
    let code: Int
    let reason: String
    let message: String
    /// An operator ended the run here; the step itself may have happened.
    var isForced: Bool

    init(_ fault: Fault, isForced: Bool = false) {
        code = fault.code.rawValue
        reason = fault.reason.name
        message = fault.message
        self.isForced = isForced
    }

    var fault: Fault { Fault(FaultCode(rawValue: code) ?? .failedPrecondition, Reason(name: reason), message) }

    static var byOperator: StoredRefusal {
        StoredRefusal(Fault(.failedPrecondition, .workflowEnded, "an operator ended this run"), isForced: true)
    }
}

extension Reason {
    /// An operator had the run compensated.
    public static let workflowEnded: Reason = "workflow.ended_by_operator"
}
