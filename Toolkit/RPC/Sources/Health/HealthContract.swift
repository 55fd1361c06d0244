import MartletContract
import MartletCore
import Synchronization

extension ServedContract {
    /// grpc.health.v1.Health, readable by everybody.
    static func health(_ board: HealthBoard) -> ServedContract {
        var contract = ServedContract(name: HealthMethods.service, openAPI: "")
        contract.on(HealthMethods.check) { (request: HealthCheckRequest, _) in
            guard let status = board.status(request.service) else {
                throw Fault(.notFound, .notFound, "no such service")
            }
            var response = HealthCheckResponse()
            response.status = status.rawValue
            return response
        }
        contract.onStream(HealthMethods.watch) { (request: HealthCheckRequest, _) in
            watch(request.service, board, LastStatus())
        }
        return contract
    }

    private static func watch(
        _ service: String,
        _ board: HealthBoard,
        _ last: LastStatus
    ) -> ResponseStream<HealthCheckResponse> {
        ResponseStream {
            let seen = last.value.withLock { $0 }
            guard let status = try await board.next(service, after: seen) else { return nil }
            last.value.withLock { $0 = status }
            var response = HealthCheckResponse()
            response.status = status.rawValue
            return response
        }
    }
}

/// What one watch has told its client.
private final class LastStatus: Sendable {
    let value = Mutex<HealthBoard.Status?>(nil)
}

enum HealthMethods {
    static let service = "grpc.health.v1.Health"
    static let check = MethodDescriptor(
        service: service,
        name: "Check",
        idempotent: true,
        writes: false,
        scope: "",
        http: []
    )
    static let watch = MethodDescriptor(
        service: service,
        name: "Watch",
        idempotent: true,
        writes: false,
        scope: "",
        http: []
    )
}
