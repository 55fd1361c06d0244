import Synchronization

/// What services have published, kept for the audit: their outboxes forget it after a while.
final class Chronicle: Sendable {
    private struct Place: Hashable, Comparable {
        let topic: String
        let key: String
        let epoch: Int
        let sequence: Int64

        init(_ entry: Books.Entry) {
            (topic, key, epoch, sequence) = (entry.topic, entry.key, entry.epoch, entry.sequence)
        }

        static func < (left: Place, right: Place) -> Bool {
            (left.topic, left.key, left.epoch, left.sequence) < (right.topic, right.key, right.epoch, right.sequence)
        }
    }

    private let kept = Mutex<[String: [Place: Books.Entry]]>([:])

    func keep(_ entries: [Books.Entry], of service: String) {
        kept.withLock { kept in
            for entry in entries { kept[service, default: [:]][Place(entry)] = entry }
        }
    }

    /// What was kept and what is there, by topic, key and number.
    func completing(_ present: [Books.Entry], of service: String) -> [Books.Entry] {
        guard var all = kept.withLock({ $0[service] }) else { return present }
        for entry in present { all[Place(entry)] = entry }
        return all.sorted { $0.key < $1.key }.map(\.value)
    }
}
