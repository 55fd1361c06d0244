import MartletCore
import Synchronization

/// Which relays of this process are to be woken when a database has new events, by the identity stored in that database.
enum OutboxWakeUps {
    private static let relays = Mutex<[Int64: [Signal]]>([:])

    static func add(_ signal: Signal, for identity: Int64) {
        relays.withLock { $0[identity, default: []].append(signal) }
    }

    static func remove(_ signal: Signal, for identity: Int64) {
        relays.withLock { relays in
            relays[identity]?.removeAll { $0 === signal }
            if relays[identity]?.isEmpty == true { relays[identity] = nil }
        }
    }

    static func raise(_ identity: Int64) {
        for signal in relays.withLock({ $0[identity] ?? [] }) { signal.raise() }
    }
}
