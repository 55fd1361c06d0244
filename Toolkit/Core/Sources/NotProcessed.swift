/// The cause of a fault whose call certainly never reached its handler: the same call may be sent again, even a write.
public struct NotProcessed: Error, Sendable, Hashable {
    public init() {}
}

extension Fault {
    /// True when the call certainly never reached its handler, whatever `code.outcome` says in general.
    public var isNotProcessed: Bool { cause is NotProcessed }

    /// `unavailable` for a call that certainly never reached its handler.
    public static func notProcessed(_ message: String, retryAfter: Duration? = nil) -> Fault {
        Fault(.unavailable, .unavailable, message, retryAfter: retryAfter, cause: NotProcessed())
    }
}
