public import MartletCore

/// The argument of a remote step's call: its key, and the context.
public struct StepCall: Sendable {
    /// `run/step`, the same in every attempt.
    public let key: String
    /// With the service as principal, speaking for whom the run acts, the run's trace, and this attempt's deadline.
    ///
    /// The key is its idempotency key, except for a step that is deduplicated by identity.
    public let context: CallContext
}

/// The result of a look-up of a call without a response.
public enum StepResolution<R: Sendable>: Sendable {
    case done(R)
    case refused(Fault)
    /// Nothing happened, and nothing can happen any more under this key: the step is repeated under a new one.
    case notDone
    /// Not known yet: looked up again after a delay.
    case unknown
}

/// How a step's callee deduplicates repeats.
public enum StepDeduplication: Sendable, Hashable {
    /// By idempotency key, while the callee stores it: an older call is looked up, or else its run needs a human.
    case byKey
    /// By an id in the request that the callee stores permanently: a call is repeated however old it is.
    ///
    /// The call carries no idempotency key, so that the callee does not store its response besides. An undo carries one.
    ///
    /// The first call of such a step may be made before the journal has a trace of it. After a crash then, the step is
    /// reached again, and called with the same id, or undone.
    case byIdentity
}

/// The callee refused a step: nothing happened, and the refusal is journaled.
public struct StepRefused: Error, Sendable {
    public let step: String
    public let fault: Fault

    init(step: String, fault: Fault) {
        self.step = step
        self.fault = fault
    }

    public var reason: Reason { fault.reason }
}

extension StepRefused: FaultConvertible {}

/// This execution ended here: the run waits, was parked, or belongs to another process.
///
/// A workflow must let it propagate. Catching it has no effect: every further call of the context throws it again.
public struct WorkflowInterrupted: Error, Equatable {}

/// A stored refusal.
struct StoredRefusal: Codable, Sendable, Equatable {
    let code: FaultCode
    let reason: String
    let message: String
    /// An operator ended the run here; the step itself may have happened.
    var isForced: Bool

    init(_ fault: Fault, isForced: Bool = false) {
        code = fault.code
        reason = fault.reason.name
        message = fault.message
        self.isForced = isForced
    }

    var fault: Fault { Fault(code, Reason(name: reason), message) }

    static var byOperator: StoredRefusal {
        StoredRefusal(Fault(.failedPrecondition, .workflowEnded, "an operator ended this run"), isForced: true)
    }
}

extension Reason {
    /// An operator had the run compensated.
    public static let workflowEnded: Reason = "workflow.ended_by_operator"
}
