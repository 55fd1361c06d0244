import MartletContract
import MartletCore
import SwiftProtobuf

/// The way to a service that is down.
struct NoChannel: RPCChannel {
    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        throw Fault(.unavailable, .unavailable, "nobody is there", retryAfter: .seconds(1))
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response> {
        throw Fault(.unavailable, .unavailable, "nobody is there", retryAfter: .seconds(1))
    }
}
