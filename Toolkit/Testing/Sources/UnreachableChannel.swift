public import MartletContract
public import MartletCore
import Synchronization

/// A channel to an unreachable service: every call fails, and its context is recorded.
public final class UnreachableChannel: RPCChannel {
    private let fault: Fault
    private let recorded = Mutex<[CallContext]>([])

    public init(_ fault: Fault = Fault(.unavailable, .unavailable, "unreachable")) { self.fault = fault }

    public var contexts: [CallContext] { recorded.withLock { $0 } }

    public func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        throw failure(context)
    }

    public func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        throw failure(context)
    }

    private func failure(_ context: CallContext) -> Fault {
        recorded.withLock { $0.append(context) }
        return fault
    }
}
