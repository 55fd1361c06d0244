import MartletContract
import MartletCore

/// A channel of one service: each of its calls speaks as this service, for the party of its context.
///
/// A context with the principal of a user, as a handler has it, becomes the service's call for this user: its token is the
/// service's, and without the word the callee would take the call for the service's own.
struct SpokenChannel: RPCChannel {
    private let channel: any RPCChannel
    private let service: ExactText

    init(_ channel: some RPCChannel, by service: ExactText) {
        self.channel = channel
        self.service = service
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        try await channel.unary(method, request, context: spoken(context))
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await channel.serverStream(method, request, context: spoken(context))
    }

    private func spoken(_ context: CallContext) -> CallContext {
        var context = context
        context.principal = context.principal.spoken(by: service)
        return context
    }
}
