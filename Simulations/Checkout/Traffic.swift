import MartletSimulation
import Synchronization

/// What crossed the network, in its order.
final class Traffic: Sendable {
    private struct Counts {
        var calls = Fingerprint()
        var made = 0
        var failed = 0
    }

    private let counts = Mutex(Counts())

    /// Of the calls' methods and outcomes.
    var calls: Fingerprint { counts.withLock { $0.calls } }

    var made: Int { counts.withLock { $0.made } }

    var failed: Int { counts.withLock { $0.failed } }

    /// - Parameter failure: The reason; `nil` for an answer.
    func note(_ method: String, _ failure: String?) {
        counts.withLock { counts in
            counts.calls.add(method)
            counts.calls.add(failure ?? "")
            counts.made += 1
            if failure != nil { counts.failed += 1 }
        }
    }
}
