public import MartletContract
public import MartletCore
import SwiftProtobuf

/// A channel to a served contract that, as a transport, encodes messages to bytes and finds methods by path.
public struct InProcessChannel: RPCChannel {
    private let methods: [String: ServedMethod]

    public init(_ contract: ServedContract) {
        methods = Dictionary(uniqueKeysWithValues: contract.methods.map { ($0.descriptor.path, $0) })
    }

    public func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        guard let served = methods[method.path], case .unary(let handle) = served.form else {
            throw Fault(.unimplemented, .notFound, "no unary \(method.path)")
        }
        let response = try await handle(try served.decode(try request.serializedBytes() as [UInt8]), context)
        return try Response(serializedBytes: try response.serializedBytes() as [UInt8])
    }

    public func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        guard let served = methods[method.path], case .serverStream(let handle) = served.form else {
            throw Fault(.unimplemented, .notFound, "no stream \(method.path)")
        }
        let stream = try await handle(try served.decode(try request.serializedBytes() as [UInt8]), context)
        return ResponseStream {
            try await stream.pull().map { try Response(serializedBytes: try $0.serializedBytes() as [UInt8]) }
        }
    }
}
