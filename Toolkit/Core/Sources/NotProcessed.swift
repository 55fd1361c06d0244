/// An error whose call certainly never reached its handler: the call may be repeated, even a write.
///
/// Carried as the `cause` of the fault.
public protocol CallNotMade: Error {}

/// The call was refused or lost before it reached a handler.
public struct NotProcessed: CallNotMade, Sendable, Hashable {
    public init() {}
}

extension Fault {
    /// True when the call certainly never reached its handler, whatever `code.outcome` is.
    public var isNotProcessed: Bool { cause is any CallNotMade }

    /// `unavailable` for a call that certainly never reached its handler.
    public static func notProcessed(_ message: String, retryAfter: Duration? = nil) -> Fault {
        Fault(.unavailable, .unavailable, message, retryAfter: retryAfter, cause: NotProcessed())
    }

    /// What a caller may conclude about the effect of the call: `code.outcome`, unless more is known.
    public var outcome: FaultCode.Outcome {
        // A repeat would be too large as well.
        if reason == .requestTooLarge { return .refused }
        return isNotProcessed && code.outcome == .unknown ? .notDone : code.outcome
    }
}
