import MartletCore
import Synchronization

/// The states of streams that were used last, each at a version that is committed.
///
/// A copy in memory proves nothing: who takes a state compares it with the stream, in the transaction that uses it.
final class StateCache: Sendable {
    /// All states together, in bytes of their events' JSON; as objects they take about as much.
    static let bytesMax = 2_097_152
    /// What a state counts beside its events, so that many small ones are limited too.
    static let entryBytes = 256

    private struct Key: Hashable {
        let type: ObjectIdentifier
        let stream: ExactText
    }

    private struct Entry {
        let state: any Sendable
        let bytes: Int
    }

    /// Half of the states at a time leave together, those that were not used since the other half began: without a list in
    /// the order of use, which each look-up would change.
    private struct Halves {
        var recent: [Key: Entry] = [:]
        var recentBytes = 0
        var earlier: [Key: Entry] = [:]

        mutating func insert(_ entry: Entry, for key: Key, halfMax: Int) {
            remove(key)
            guard entry.bytes <= halfMax else { return }
            if recentBytes + entry.bytes > halfMax {
                earlier = recent
                (recent, recentBytes) = ([:], 0)
            }
            recent[key] = entry
            recentBytes += entry.bytes
        }

        mutating func find(_ key: Key, halfMax: Int) -> Entry? {
            if let entry = recent[key] { return entry }
            guard let entry = earlier[key] else { return nil }
            insert(entry, for: key, halfMax: halfMax)
            return entry
        }

        private mutating func remove(_ key: Key) {
            if let known = recent.removeValue(forKey: key) { recentBytes -= known.bytes }
            earlier.removeValue(forKey: key)
        }
    }

    private let halfMax: Int
    private let halves = Mutex(Halves())

    init(bytesMax: Int = StateCache.bytesMax) { halfMax = bytesMax / 2 }

    /// The number of states.
    var count: Int { halves.withLock { $0.recent.count + $0.earlier.count } }

    /// The state of a stream as it was put in last; `nil` when it is not there.
    func state<S: EventSourced>(_ type: S.Type, of stream: String) -> Loaded<S>? {
        let key = Key(type: ObjectIdentifier(type), stream: ExactText(stream))
        return halves.withLock { $0.find(key, halfMax: halfMax) }?.state as? Loaded<S>
    }

    /// Replaces the state of its stream; one that takes more than half of all bytes is not kept.
    func put<S: EventSourced>(_ loaded: Loaded<S>) {
        let key = Key(type: ObjectIdentifier(S.self), stream: ExactText(loaded.id))
        let entry = Entry(state: loaded, bytes: loaded.bytes + Self.entryBytes)
        halves.withLock { $0.insert(entry, for: key, halfMax: halfMax) }
    }
}
