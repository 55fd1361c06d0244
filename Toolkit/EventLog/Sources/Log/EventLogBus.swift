import MartletCore
import MartletMessaging

/// The log as one service sees it.
struct EventLogBus: MessageBus {
    let log: EventLog
    let service: ExactText

    func declare(_ declaration: BusDeclaration) async throws { try await log.declare(declaration, by: service) }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        try await log.publish(events, by: service)
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        let plan = GroupPlan(topic: topic, group: group)
        return try await log.join(plan, by: service, start: start, window: log.limits.window)
    }

    func status() async throws -> [TopicStatus] { try await log.status() }
}
