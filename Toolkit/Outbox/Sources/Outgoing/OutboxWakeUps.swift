import MartletCore
import Synchronization

/// Which relays of this process are to be woken when a database has new events, by the identity stored in that database.
enum OutboxWakeUps {
    private struct Place: Hashable {
        let identity: Int64
        /// Replicas in one simulation share a database, and no memory: what one commits, the others find when they look.
        let process: Int
    }

    private static let relays = Mutex<[Place: [Signal]]>([:])

    static func add(_ signal: Signal, for identity: Int64) {
        let place = Place(identity: identity, process: ProcessScope.current)
        relays.withLock { $0[place, default: []].append(signal) }
    }

    static func remove(_ signal: Signal, for identity: Int64) {
        let place = Place(identity: identity, process: ProcessScope.current)
        relays.withLock { relays in
            relays[place]?.removeAll { $0 === signal }
            if relays[place]?.isEmpty == true { relays[place] = nil }
        }
    }

    static func raise(_ identity: Int64) {
        let place = Place(identity: identity, process: ProcessScope.current)
        for signal in relays.withLock({ $0[place] ?? [] }) { signal.raise() }
    }
}
