import MartletCore
import MartletMessaging
import MartletSimulation
import Synchronization

/// A bus with at-least-once delivery and no order: it duplicates and reorders deliveries, and refuses single events.
struct FaultyBus: MessageBus {
    let bus: any MessageBus
    let faults: FaultInjector
    let entropy: any Entropy

    func declare(_ declaration: BusDeclaration) async throws { try await bus.declare(declaration) }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        guard !events.isEmpty, faults.happens(.publicationRefused) else { return try await bus.publish(events) }
        let refused = ExactText(events[Int(entropy.number(below: UInt64(events.count)))].id)
        let refusals = PublishRefusals(of: events) { event in
            ExactText(event.id) == refused ? PublishRefusal("simulation.refused", "refused by the simulation") : nil
        }
        var others = try await bus.publish(refusals.accepted(of: events)).makeIterator()
        return refusals.outcomes.map { outcome in outcome.isAccepted ? others.next() ?? outcome : outcome }
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        FaultyMember(
            member: try await bus.join(topic: topic, group: group, start: start),
            faults: faults,
            entropy: entropy
        )
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}

private final class FaultyMember: GroupMember {
    /// The most deliveries that may be repeated later.
    private static let logMax = 64
    /// Duplicates of a delivery in the worst case.
    private static let manyCopies = 9

    private struct DeliveryLog {
        /// Past deliveries, the newest last.
        var past: [Delivery] = []
        var acknowledged: Set<DeliveryID> = []
    }

    var isWhole: Bool { member.isWhole }
    var losses: [GroupLoss] { member.losses }
    private let member: any GroupMember
    private let faults: FaultInjector
    private let entropy: any Entropy
    private let log = Mutex(DeliveryLog())

    init(member: any GroupMember, faults: FaultInjector, entropy: any Entropy) {
        self.member = member
        self.faults = faults
        self.entropy = entropy
    }

    func receive(limit: Int) async throws -> [Delivery] {
        var deliveries = try await member.receive(limit: limit)
        if deliveries.count > 1, faults.happens(.deliveryReordered) {
            for last in deliveries.indices.reversed() {
                deliveries.swapAt(last, Int(entropy.number(below: UInt64(last + 1))))
            }
        }
        guard !deliveries.isEmpty else { return [] }
        // The broker redelivers it: its acknowledgement was lost.
        log.withLock { log in
            for delivery in deliveries { log.acknowledged.remove(delivery.id) }
        }
        defer { remember(deliveries) }
        guard faults.happens(.deliveryRepeated) else { return deliveries }
        switch entropy.number(below: 8) {
        case 0: return deliveries + (0..<Self.manyCopies).flatMap { _ in deliveries }
        // Long after later ones, acknowledged or not.
        case 1, 2, 3: return log.withLock { $0.past }.filter { _ in entropy.number(below: 4) == 0 } + deliveries
        default: return deliveries + deliveries
        }
    }

    /// Deliveries that may be repeated later, if any are.
    private func remember(_ deliveries: [Delivery]) {
        guard faults.rates[.deliveryRepeated] != nil else { return }
        log.withLock { log in
            log.past += deliveries
            log.past.removeFirst(max(0, log.past.count - Self.logMax))
        }
    }

    func acknowledge(_ deliveries: [DeliveryID]) async throws {
        let new = unacknowledged(deliveries)
        guard !new.isEmpty else { return }
        try await member.acknowledge(new)
        log.withLock { $0.acknowledged.formUnion(new) }
    }

    func redeliver(_ deliveries: [DeliveryID], after delay: Duration) async throws {
        let new = unacknowledged(deliveries)
        guard !new.isEmpty else { return }
        try await member.redeliver(new, after: delay)
    }

    func acknowledge(losses: [GroupLoss]) async throws { try await member.acknowledge(losses: losses) }

    func leave() async { await member.leave() }

    /// The broker gets one acknowledgement for all duplicates.
    private func unacknowledged(_ deliveries: [DeliveryID]) -> [DeliveryID] {
        log.withLock { log in deliveries.filter { !log.acknowledged.contains($0) } }
    }
}
