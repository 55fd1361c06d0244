import MartletContract
import MartletCore
import Synchronization

/// Reaches nobody, and keeps how it was called.
final class DeadChannel: RPCChannel {
    private let kept = Mutex<[CallContext]>([])

    var contexts: [CallContext] { kept.withLock { $0 } }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        kept.withLock { $0.append(context) }
        throw Fault(.unavailable, .unavailable, "nobody is there")
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response> {
        kept.withLock { $0.append(context) }
        throw Fault(.unavailable, .unavailable, "nobody is there")
    }
}
