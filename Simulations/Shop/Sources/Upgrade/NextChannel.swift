import MartletContract
import MartletCore
import MartletTesting

/// Calls of the next version: its requests carry a field that the callee may not know.
///
/// A request with an idempotency key keeps the bytes of this version, since either version may repeat it: only the runs
/// that the next version began have their own keys. One without a key carries the field in one attempt and not in another,
/// and its callee recognises it by its id.
struct NextRequests: ForwardingChannel {
    let channel: any RPCChannel

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        let mayAddField = context.idempotencyKey == nil || NextField.isInRun
        return try await channel.unary(method, mayAddField ? NextField.added(to: request) : request, context: context)
    }
}

/// Responses of the next version: they carry a field that the caller may not know.
struct NextResponses: ForwardingChannel {
    let channel: any RPCChannel

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        let response: Response = try await channel.unary(method, request, context: context)
        return try NextField.added(to: response)
    }
}
