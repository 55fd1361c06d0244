public import MartletContract
public import MartletCore
import Synchronization

/// The methods of the services in one process, by path: filled while the services are built.
public final class LocalServices: Sendable {
    private let methods = Mutex<[String: ServedMethod]>([:])

    public init() {}

    /// Adds the methods of `contracts`; replaces an existing path.
    public func add(_ contracts: [ServedContract]) {
        methods.withLock { methods in
            for method in contracts.flatMap(\.methods) { methods[method.descriptor.path] = method }
        }
    }

    func find(_ path: String) -> ServedMethod? { methods.withLock { $0[path] } }
}

/// Calls the handler of a service in the same process, with the same checks as a remote call.
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
        context: CallContext
    ) async throws -> Response {
        guard case .unary(let handle) = try admit(method, context).form else { throw Self.wrongForm(method) }
        let result = try await translatingErrors {
            try await withDeadline(context.deadline, time) { try await handle(request, context.forCallee) }
        }
        guard let response = result as? Response else { throw Self.wrongForm(method) }
        return response
    }

    public func serverStream<Request: ContractMessage, Response: ContractMessage>(
        _ method: MethodDescriptor,
        _ request: Request,
        context: CallContext
    ) async throws -> ResponseStream<Response> {
        guard case .serverStream(let handle) = try admit(method, context).form else { throw Self.wrongForm(method) }
        let stream = try await translatingErrors { try await handle(request, context.forCallee) }
        return ResponseStream {
            guard let result = try await translatingErrors({ try await stream.pull() }) else { return nil }
            guard let response = result as? Response else { throw Self.wrongForm(method) }
            return response
        }
    }

    private func admit(_ method: MethodDescriptor, _ context: CallContext) throws -> ServedMethod {
        guard let served = services.find(method.path) else {
            throw Fault.notProcessed("\(method.service) is not running here", retryAfter: .seconds(1))
        }
        // A process has no connection to itself, and so no peer.
        try served.descriptor.admit(context.principal, from: nil)
        return served
    }

    /// Converts errors to faults without a cause, as a remote call does.
    ///
    /// The call counts as processed, even if a call made by its handler was not.
    private func translatingErrors<R>(_ body: () async throws -> R) async throws -> R {
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
        Fault(.internal, .internal, "\(method.path) has a different call type here")
    }
}

extension CallContext {
    /// Without the caller's retry state.
    fileprivate var forCallee: CallContext {
        var context = self
        context.mayRetry = true
        return context
    }
}
