import MartletCore
import MartletMessaging
import MartletTesting
import Testing

@testable import MartletNATS

@Suite("NATS conformance", .timeLimit(.minutes(HangLimit.testMinutes)))
struct NATSConformanceSocketTests {
    @Test("one server", arguments: MessageBusConformance.checks(of: NATSBus.capabilities))
    func oneServer(_ check: MessageBusConformance.Check) async throws {
        let server = try await SharedServer.current.get()
        let change: @Sendable (inout NATSSettings) -> Void = { settings in
            // The check's member holds what it never acknowledges.
            if check.needs.contains(.takesFromStuck) { settings.limits.acknowledgementTimeout = .seconds(1) }
        }
        try await server.withBus(change: change) { bus in try await check.run(on: SystemTime()) { bus } }
    }

    @Test("the guide states what it can do")
    func row() throws { try MessageBusConformance.requireRow(of: "NATS JetStream", NATSBus.capabilities) }
}

extension NATSBus {
    /// What it can do of all that is asked of a bus.
    static let capabilities = Set(MessageBusConformance.Capability.allCases)
}
