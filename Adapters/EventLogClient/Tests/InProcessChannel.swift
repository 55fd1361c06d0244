import MartletContract
import MartletCore
import SwiftProtobuf

/// Calls a served contract in this process, through bytes, as a wire would.
struct InProcessChannel: RPCChannel {
    let served: ServedContract

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        let called = try find(method)
        guard case .unary(let handle) = called.form else { throw Fault(.unimplemented, .internal, "not unary") }
        let answer = try await handle(try called.decode(try request.serializedBytes()), context)
        return try Response(serializedBytes: try answer.serializedBytes() as [UInt8])
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response> {
        let called = try find(method)
        guard case .serverStream(let handle) = called.form else { throw Fault(.unimplemented, .internal, "no stream") }
        let stream = try await handle(try called.decode(try request.serializedBytes()), context)
        return ResponseStream {
            try await stream.pull().map { try Response(serializedBytes: try $0.serializedBytes() as [UInt8]) }
        }
    }

    private func find(_ method: MethodDescriptor) throws -> ServedMethod {
        guard let called = served.methods.first(where: { $0.descriptor == method }) else {
            throw Fault(.unimplemented, .internal, "no method \(method.path)")
        }
        return called
    }
}
