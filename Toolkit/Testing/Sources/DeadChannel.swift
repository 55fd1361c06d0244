public import MartletContract
public import MartletCore
import Synchronization

/// The way to a service that is never reached: every call fails, and how it was made is kept.
public final class DeadChannel: RPCChannel {
    private let fault: Fault
    private let kept = Mutex<[CallContext]>([])

    public init(_ fault: Fault = Fault(.unavailable, .unavailable, "nobody is there")) { self.fault = fault }

    public var contexts: [CallContext] { kept.withLock { $0 } }

    public func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        throw failure(context)
    }

    public func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response> {
        throw failure(context)
    }

    private func failure(_ context: CallContext) -> Fault {
        kept.withLock { $0.append(context) }
        return fault
    }
}
