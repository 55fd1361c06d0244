package import MartletContract
import MartletCore
import Synchronization

extension ServedContract {
    /// grpc.health.v1.Health, which anybody may call.
    static func health(_ registry: HealthRegistry) -> ServedContract {
        var contract = ServedContract(name: HealthMethods.service, openAPI: "", on: NoPlatform())
        contract.on(HealthMethods.check) { (request: HealthCheckRequest, _) in
            guard let status = registry.status(request.service) else {
                throw Fault(.notFound, .notFound, "no such service")
            }
            var response = HealthCheckResponse()
            response.status = status.rawValue
            return response
        }
        contract.onStream(HealthMethods.watch) { (request: HealthCheckRequest, _) in
            watch(request.service, in: registry, since: LastStatus())
        }
        return contract
    }

    private static func watch(
        _ service: String,
        in registry: HealthRegistry,
        since last: LastStatus
    ) -> ResponseStream<HealthCheckResponse> {
        ResponseStream {
            let seen = last.value.withLock { $0 }
            guard let status = try await registry.next(service, after: seen) else { return nil }
            last.value.withLock { $0 = status }
            var response = HealthCheckResponse()
            response.status = status.rawValue
            return response
        }
    }
}

/// The last status that one watch has sent.
private final class LastStatus: Sendable {
    let value = Mutex<HealthRegistry.Status?>(nil)
}

package enum HealthMethods {
    static let service = "grpc.health.v1.Health"
    private static let callers = AccessPolicy.Caller.Party.allCases.map { AccessPolicy.Caller.anyService(for: $0) }
    static let check = MethodDescriptor(
        service: service,
        name: "Check",
        idempotent: true,
        writes: false,
        users: .anybody,
        callers: callers,
        http: []
    )
    static let watch = MethodDescriptor(
        service: service,
        name: "Watch",
        idempotent: true,
        writes: false,
        users: .anybody,
        callers: callers,
        http: []
    )
    package static let all = [check, watch]
}
