import Logging
import MartletContract
import MartletCore

/// What all connections of a server share.
struct ServerCore: Sendable {
    let table: MethodTable
    let limits: RPCServerLimits
    let runtime: Runtime
    let logger: Logger
    let authenticate: RPCServer.Authenticate

    /// What is known of the caller.
    ///
    /// - Parameter peer: Whom the connection authenticates; `nil` for no peer.
    func authentication(_ head: RequestHead, from peer: PeerIdentity?) throws(Fault) -> CallAuthentication {
        do { return try authenticate(head.headers, peer) } catch { throw Fault(describing: error) }
    }

    /// The caller with the party for whom it speaks, if it may call this method.
    func admit(
        _ caller: Principal,
        from peer: PeerIdentity?,
        to method: MethodDescriptor,
        _ head: RequestHead
    ) throws(Fault) -> Principal {
        try method.admit(caller, speaksFor: head.speaksFor, from: peer)
    }

    /// The place of a call in its caller's trace, or in a new one; its span begins where its service is known.
    func trace(_ head: RequestHead) -> TraceContext {
        let caller = TraceContext(traceparent: head.traceparent, tracestate: head.tracestate)
        return .unrecorded(after: caller, runtime.entropy)
    }
}
