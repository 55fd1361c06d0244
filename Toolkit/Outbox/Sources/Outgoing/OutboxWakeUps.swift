import MartletCore
import Synchronization

/// The relays of this process to wake when a database has new events, by the identity stored in that database.
enum OutboxWakeUps {
    private struct Key: Hashable {
        let identity: Int64
        /// Simulated replicas share a database but no memory: a replica finds the others' commits by polling.
        let process: Int
    }

    private static let relays = Mutex<[Key: [Signal]]>([:])

    static func add(_ signal: Signal, for identity: Int64) {
        let key = Key(identity: identity, process: ProcessScope.current)
        relays.withLock { $0[key, default: []].append(signal) }
    }

    static func remove(_ signal: Signal, for identity: Int64) {
        let key = Key(identity: identity, process: ProcessScope.current)
        relays.withLock { relays in
            relays[key]?.removeAll { $0 === signal }
            if relays[key]?.isEmpty == true { relays[key] = nil }
        }
    }

    static func raise(_ identity: Int64) {
        let key = Key(identity: identity, process: ProcessScope.current)
        for signal in relays.withLock({ $0[key] ?? [] }) { signal.raise() }
    }
}
