/// What travels with a call beside its request.
///
/// It only ever shrinks: a callee gets what is left of the deadline.
public struct CallContext: Sendable {
    /// When the caller stops waiting, on this process's clock; `nil` when it never does.
    public var deadline: Moment?
    public var principal: Principal
    /// The key under which a repeat of this write answers the stored response; `nil` for reads.
    public var idempotencyKey: String?
    public var trace: TraceContext?
    /// Further headers by lower-case name, as they came in; never the `authorization` header.
    public var metadata: [String: String]
    /// False when the caller repeats the call itself, as a workflow's step does: retries happen at one layer.
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

    /// The context for a call that this call causes: same deadline, trace and represented principal, no idempotency key.
    public func outgoing(as service: String, key: String? = nil) -> CallContext {
        CallContext(
            deadline: deadline,
            principal: Principal(kind: .service, id: service, scopes: [], onBehalfOf: principal.subject),
            idempotencyKey: key,
            trace: trace
        )
    }
}
