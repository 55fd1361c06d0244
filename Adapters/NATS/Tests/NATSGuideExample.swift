import MartletCore
import MartletMessaging
import MartletNATS

/// The example of the guide of adapters: compiled, and not run.
enum NATSGuideExample {
    static func serve(
        _ policy: BusPolicy,
        consume: @escaping @Sendable (any MessageBus) async throws -> Void
    ) async throws {
        var settings = NATSSettings(servers: ["nats://10.0.0.1:4222"], monitoring: ["http://10.0.0.1:8222"])
        settings.credentials = .file("codes.creds")
        let bus = try await NATSBus.open(settings, service: "codes", policy: policy, runtime: .system)
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await bus.run() }
            group.addTask { try await consume(bus) }
        }
    }
}
