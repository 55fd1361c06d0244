import MartletContract
import MartletCore
import MartletTesting

/// How the next version asks: its requests carry a field that the callee may not know.
///
/// A request under a key keeps the bytes that this version gave it, whoever repeats it: only the runs that the next version
/// began have keys of its own.
struct NextQuestions: ForwardingChannel {
    let channel: any RPCChannel

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        let isFree = context.idempotencyKey == nil || NextField.isInRun
        return try await channel.unary(method, isFree ? NextField.added(to: request) : request, context)
    }
}

/// How the next version answers: its responses carry a field that the caller may not know.
struct NextAnswers: ForwardingChannel {
    let channel: any RPCChannel

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        let response: Response = try await channel.unary(method, request, context)
        return try NextField.added(to: response)
    }
}
