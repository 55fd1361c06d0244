import MartletCore
import MartletMessaging
import MartletSimulation
import Synchronization

/// A bus that remembers what it took, in its order.
final class WitnessedBus: MessageBus {
    private struct Memory {
        var fingerprint = Fingerprint()
        var count = 0
    }

    private let bus: any MessageBus
    private let memory = Mutex(Memory())

    init(_ bus: any MessageBus) { self.bus = bus }

    var events: Fingerprint { memory.withLock { $0.fingerprint } }

    var published: Int { memory.withLock { $0.count } }

    func publish(_ events: [Envelope]) async throws {
        try await bus.publish(events)
        memory.withLock { memory in
            for event in events {
                for text in [event.source, event.topic, event.key, event.id] { memory.fingerprint.add(text) }
                memory.fingerprint.add(UInt64(bitPattern: event.sequence))
                memory.fingerprint.add(UInt64(bitPattern: event.time.microseconds))
                memory.fingerprint.add(event.body)
            }
            memory.count += events.count
        }
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}
