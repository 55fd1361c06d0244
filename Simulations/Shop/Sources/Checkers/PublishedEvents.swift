import MartletCore
import Synchronization

/// The events that services have published, recorded before their outboxes purge them.
final class PublishedEvents: Sendable {
    private struct Position: Hashable, Comparable {
        let topic: ExactText
        let key: ExactText
        let epoch: Int
        let sequence: Int64

        init(_ entry: StateSnapshot.Entry) {
            (topic, key) = (ExactText(entry.topic), ExactText(entry.key))
            (epoch, sequence) = (entry.epoch, entry.sequence)
        }

        static func < (left: Position, right: Position) -> Bool {
            (left.topic, left.key, left.epoch, left.sequence) < (right.topic, right.key, right.epoch, right.sequence)
        }
    }

    private let recorded = Mutex<[String: [Position: StateSnapshot.Entry]]>([:])

    func add(_ entries: [StateSnapshot.Entry], of service: String) {
        recorded.withLock { recorded in
            for entry in entries { recorded[service, default: [:]][Position(entry)] = entry }
        }
    }

    /// The recorded and the present events, sorted by topic, key and number.
    func merged(with present: [StateSnapshot.Entry], of service: String) -> [StateSnapshot.Entry] {
        guard var all = recorded.withLock({ $0[service] }) else { return present }
        for entry in present { all[Position(entry)] = entry }
        return all.sorted { $0.key < $1.key }.map(\.value)
    }
}
