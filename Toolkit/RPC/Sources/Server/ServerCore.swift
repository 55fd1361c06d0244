import Logging
import MartletContract
import MartletCore

/// What all connections of a server share.
struct ServerCore: Sendable {
    let table: MethodTable
    let limits: RPCServerLimits
    let runtime: Runtime
    let logger: Logger
    let authenticate: @Sendable (CallHeaders) throws -> CallAuthentication

    /// What is known of the caller.
    func authentication(_ head: RequestHead) throws(Fault) -> CallAuthentication {
        do { return try authenticate(head.headers) } catch { throw Fault(describing: error) }
    }

    /// The principal for whom `caller` makes the call, if it may call this method.
    func admit(_ caller: Principal, to method: MethodDescriptor, _ head: RequestHead) throws(Fault) -> Principal {
        var principal = caller
        if principal.kind == .service, let subject = head.onBehalfOf {
            principal = Principal(
                kind: .service,
                id: principal.id,
                scopes: principal.scopes,
                onBehalfOf: ExactText(subject)
            )
        }
        if principal.holds(method.scope) { return principal }
        if principal.kind == .anonymous {
            throw Fault(.unauthenticated, .unauthenticated, "\(method.path) needs a token")
        }
        throw Fault(.permissionDenied, .forbidden, "\(method.path) needs the scope \(method.scope)")
    }

    /// The place of a call in its caller's trace, or in a new one; its span begins where its service is known.
    func trace(_ head: RequestHead) -> TraceContext {
        let caller = TraceContext(traceparent: head.traceparent, tracestate: head.tracestate)
        return .unrecorded(after: caller, runtime.entropy)
    }
}
