public import MartletContract
public import MartletCore

/// A channel that wraps ``channel`` and forwards the calls that a conforming type does not implement.
public protocol ForwardingChannel: RPCChannel {
    var channel: any RPCChannel { get }
}

extension ForwardingChannel {
    public func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        try await channel.unary(method, request, context: context)
    }

    public func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await channel.serverStream(method, request, context: context)
    }
}
