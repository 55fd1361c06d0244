import MartletContract
import MartletCore

/// Repeats each call until its outcome is known, with a new deadline and the same idempotency key.
struct RetryingChannel: RPCChannel {
    private static let callTimeout = Duration.seconds(5)
    private static let attemptsMax = 400
    private static let retryDelayMin: UInt64 = 50
    private static let retryDelaySpread: UInt64 = 1_000

    private let channel: any RPCChannel
    private let runtime: Runtime

    init(over channel: any RPCChannel, runtime: Runtime) {
        self.channel = channel
        self.runtime = runtime
    }

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response {
        var context = context
        if method.writes, context.idempotencyKey == nil { context.idempotencyKey = "\(runtime.identifier())" }
        let hasDeadline = context.deadline != nil
        var attempts = 0
        while true {
            if !hasDeadline { context.deadline = runtime.time.now + Self.callTimeout }
            do {
                return try await channel.unary(method, request, context: context)
            } catch let error as any FaultConvertible where !hasDeadline {
                try Task.checkCancellation()
                attempts += 1
                guard error.fault.outcome != .refused, attempts < Self.attemptsMax else { throw error }
            }
            let delay = Self.retryDelayMin + runtime.entropy.number(below: Self.retryDelaySpread)
            try await runtime.time.sleep(for: .milliseconds(Int64(delay)))
        }
    }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        try await channel.serverStream(method, request, context: context)
    }
}
