import MartletCore
import MartletMessaging

/// One member of a group in this process.
struct EventLogMember: GroupMember {
    let log: EventLog
    let id: Int
    let signal: Signal
    let isWhole: Bool
    let losses: [GroupLoss]

    func receive(limit: Int) async throws -> [Delivery] { try await log.receive(self, limit: limit) }

    func acknowledge(_ deliveries: [DeliveryID]) async throws { try log.acknowledge(deliveries, by: id) }

    func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {
        try log.redeliver(deliveries, by: id, after: delay)
    }

    func acknowledge(losses: [GroupLoss]) async throws { try await log.acknowledge(losses, by: id) }

    func leave() async { log.leave(id) }
}
