import MartletContract
import MartletCore
import SwiftProtobuf
import Synchronization

/// A service that counts its calls.
final class CountingService: RPCChannel {
    let calls = Mutex(0)

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        calls.withLock { $0 += 1 }
        return Response()
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        ResponseStream { nil }
    }
}
