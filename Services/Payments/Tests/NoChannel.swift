import MartletContract
import MartletCore
import SwiftProtobuf

/// The way to a service that is never reached.
struct NoChannel: RPCChannel {
    var fault = Fault(.unavailable, .unavailable, "nobody is there", retryAfter: .seconds(1))

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        throw fault
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response> {
        throw fault
    }
}
