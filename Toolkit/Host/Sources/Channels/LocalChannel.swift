public import MartletContract
public import MartletCore
import Synchronization

/// The services of one process, by their methods' paths: filled when they are built, asked when they are called.
public final class LocalServices: Sendable {
    private let methods = Mutex<[String: ServedMethod]>([:])

    public init() {}

    /// Adds the methods of `contracts`; a path that is known is replaced.
    public func add(_ contracts: [ServedContract]) {
        methods.withLock { methods in
            for method in contracts.flatMap(\.methods) { methods[method.descriptor.path] = method }
        }
    }

    func find(_ path: String) -> ServedMethod? { methods.withLock { $0[path] } }
}

/// Calls the handler of a service in the same process: the same checks as on the wire, and no wire.
public struct LocalChannel: RPCChannel {
    private let services: LocalServices
    private let time: any TimeSource

    public init(to services: LocalServices, time: any TimeSource) {
        self.services = services
        self.time = time
    }

    public func unary<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> Response {
        guard case .unary(let handle) = try admit(method, context).form else { throw Self.wrongForm(method) }
        let answer = try await translating {
            try await withDeadline(context.deadline, time) { try await handle(request, context.arriving) }
        }
        guard let response = answer as? Response else { throw Self.wrongForm(method) }
        return response
    }

    public func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        _ context: CallContext
    ) async throws -> ResponseStream<Response> {
        guard case .serverStream(let handle) = try admit(method, context).form else { throw Self.wrongForm(method) }
        let stream = try await translating { try await handle(request, context.arriving) }
        return ResponseStream {
            guard let answer = try await translating({ try await stream.pull() }) else { return nil }
            guard let response = answer as? Response else { throw Self.wrongForm(method) }
            return response
        }
    }

    private func admit(_ method: MethodDescriptor, _ context: CallContext) throws -> ServedMethod {
        guard let served = services.find(method.path) else {
            throw Fault.notProcessed("\(method.service) is not running here", retryAfter: .seconds(1))
        }
        if context.principal.holds(served.descriptor.scope) { return served }
        if context.principal.kind == .anonymous {
            throw Fault(.unauthenticated, .unauthenticated, "\(method.path) needs a token")
        }
        throw Fault(.permissionDenied, .forbidden, "\(method.path) needs the scope \(method.scope)")
    }

    /// A caller sees faults only, as it would on the wire, and never their causes.
    ///
    /// A handler whose own call was not made has been reached all the same.
    private func translating<R>(_ body: () async throws -> R) async throws -> R {
        do {
            return try await body()
        } catch is CancellationError where Task.isCancelled {
            throw CancellationError()
        } catch {
            var fault = Fault(describing: error)
            fault.cause = nil
            throw fault
        }
    }

    private static func wrongForm(_ method: MethodDescriptor) -> Fault {
        Fault(.internal, .internal, "\(method.path) has another form here")
    }
}

extension CallContext {
    /// What the callee sees: a retry of the caller's is not its business.
    fileprivate var arriving: CallContext {
        var context = self
        context.mayRetry = true
        return context
    }
}
