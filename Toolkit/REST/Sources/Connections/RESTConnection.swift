package import MartletCore
import Synchronization

/// One connection of a listener, and what its requests and responses hold of the process's budget.
///
/// Its requests are handled one after another, so that all bytes belong to the present request until its response begins,
/// and to that response until it is sent.
package final class RESTConnection: Sendable {
    private struct Held: ~Copyable {
        var account: ByteAccount
        /// Of the request that is handled, and of its response.
        var present = 0
        /// Of the responses that have begun and are not sent, the oldest first.
        var unsent: [Int] = []
    }

    /// The address of the other end; `nil` when it has none.
    package let peer: IPAddress?
    private let share: ListenerConnection
    private let held: Mutex<Held>

    package init(_ share: ListenerConnection, peer: IPAddress?) {
        self.peer = peer
        self.share = share
        held = Mutex(Held(account: share.account()))
    }

    /// Only questions about health are answered.
    var isReserved: Bool { share.isReserved }

    /// A token was accepted; a repeat does nothing.
    package func trust() {
        guard !share.isTrusted else { return }
        share.trust()
        held.withLock { $0.account.trust() }
    }

    /// Reserves bytes of the present request or its response until the response is sent.
    ///
    /// - Returns: False when the connection, or the process, would hold too many; then nothing is reserved.
    func reserve(_ bytes: Int) -> Bool {
        held.withLock { held in
            guard held.account.reserve(bytes) else { return false }
            held.present += bytes
            return true
        }
    }

    /// The response to the present request begins.
    func responseBegins() {
        held.withLock { held in
            held.unsent.append(held.present)
            held.present = 0
        }
    }

    /// The bytes of the oldest response that is not sent; 0 for one that nothing was reserved for.
    var unsentBytes: Int { held.withLock { $0.unsent.first ?? 0 } }

    /// The oldest response is sent, or is never sent.
    func responseSent() {
        held.withLock { held in
            guard !held.unsent.isEmpty else { return }
            held.account.release(held.unsent.removeFirst())
        }
    }

    /// A whole request has arrived.
    func requestArrived() { share.began() }

    /// The end of a response to such a request is written, or the request is abandoned.
    func requestEnded(at now: Moment) { share.ended(at: now) }
}
