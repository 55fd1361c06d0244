import MartletCore
import MartletMessaging

@testable import MartletEventLog

/// The log as the service `test` uses it, which owns all topics of these tests.
extension EventLog {
    static let service = "test"

    private var bus: any MessageBus { bus(of: Self.service) }

    func declare(_ declaration: BusDeclaration) async throws { try await bus.declare(declaration) }

    @discardableResult
    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] { try await bus.publish(events) }

    func publishAll(_ events: [Envelope]) async throws {
        try await publishAll(events, by: ExactText(Self.service))
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }
}
