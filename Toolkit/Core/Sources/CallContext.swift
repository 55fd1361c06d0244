/// The metadata of a call.
///
/// The deadline only shrinks: a callee gets what is left of it.
public struct CallContext: Sendable {
    /// When the caller stops waiting, on this process's clock; `nil` when it never does.
    public var deadline: Moment?
    public var principal: Principal
    /// The idempotency key: a repeat of this write gets the stored response; `nil` for reads.
    public var idempotencyKey: String?
    public var trace: TraceContext?
    /// Further headers by lower-case name, as received; never the `authorization` header.
    public var metadata: [String: String]
    /// False when the caller retries by itself, as a workflow step does: retries happen in one layer.
    public var mayRetry = true

    public init(
        deadline: Moment? = nil,
        principal: Principal = .anonymous,
        idempotencyKey: String? = nil,
        trace: TraceContext? = nil,
        metadata: [String: String] = [:]
    ) {
        self.deadline = deadline
        self.principal = principal
        self.idempotencyKey = idempotencyKey
        self.trace = trace
        self.metadata = metadata
    }

    /// The context for a call that `service` makes while it handles this one: same deadline and trace, for the same user or
    /// guest, no idempotency key.
    ///
    /// What another service asked for itself, `service` asks for itself.
    public func outgoing(as service: String, key: String? = nil) -> CallContext {
        CallContext(
            deadline: deadline,
            principal: principal.spoken(by: ExactText(service)),
            idempotencyKey: key,
            trace: trace
        )
    }
}
