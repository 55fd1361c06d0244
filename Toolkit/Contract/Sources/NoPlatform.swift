import MartletCore
public import MartletSQL

/// The platform of handlers that use neither a database nor other services, such as a proxy or a test's fake.
///
/// Using either is a fault.
public struct NoPlatform: CallPlatform {
    public init() {}

    public var service: String { "" }
    public var database: any SQLDatabase { NoDatabase() }

    public func channel(to service: String) -> any RPCChannel { NoChannel(service: service) }
}

private struct NoChannel: RPCChannel {
    let service: String

    func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> Response { throw fault }

    func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> { throw fault }

    private var fault: Fault {
        Fault(.internal, .internal, "a call to \(service) needs a platform, and there is none here")
    }
}
