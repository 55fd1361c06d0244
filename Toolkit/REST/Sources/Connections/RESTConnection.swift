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
        /// Of these, the bytes of the response.
        var response = 0
        /// The number of the request that is handled.
        var request: UInt64 = 0
        /// Of the responses that have begun and are not sent, the oldest first.
        var unsent: [Int] = []
        /// Their sum.
        var unsentSum = 0
        /// Of what has arrived behind the present request.
        var queued = 0

        init(_ account: consuming ByteAccount) { self.account = account }

        mutating func setResponse(_ bytes: Int) -> Bool {
            if bytes >= response {
                guard account.reserve(bytes - response) else { return false }
            } else {
                account.release(response - bytes)
            }
            present += bytes - response
            response = bytes
            return true
        }
    }

    /// The address of the other end; `nil` when it has none.
    package let peer: IPAddress?
    /// Whom the connection authenticates by itself: no peer, since it has no certificate.
    let peerIdentity: PeerIdentity? = nil
    private let share: ListenerConnection
    private let held: Mutex<Held>
    private let running = Atomic(0)
    private let late = Atomic(false)

    package init(_ share: ListenerConnection, peer: IPAddress?) {
        self.peer = peer
        self.share = share
        held = Mutex(Held(share.account()))
    }

    /// Only questions about health are answered.
    var isReserved: Bool { share.isReserved }

    /// A token was accepted; a repeat does nothing.
    package func trust() {
        guard !share.isTrusted else { return }
        share.trust()
        held.withLock { $0.account.trust() }
    }

    /// The body of the present request does not arrive in time: its reader fails, and no other request follows.
    func bodyIsLate() { late.store(true, ordering: .releasing) }

    var hasLateBody: Bool { late.load(ordering: .acquiring) }

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

    /// The number of the present request, for ``reserveResponse(upTo:of:)``.
    var request: UInt64 { held.withLock { $0.request } }

    /// Reserves what is missing of so many bytes for the response to a request, before it begins.
    ///
    /// - Returns: False when the connection, or the process, would hold too many, or when the response has begun; then
    ///   nothing is reserved.
    func reserveResponse(upTo bytes: Int, of request: UInt64) -> Bool {
        held.withLock { held in
            guard held.request == request else { return false }
            return held.setResponse(max(bytes, held.response))
        }
    }

    /// The response to the present request has exactly so many bytes: reserves what is missing, releases what is left.
    ///
    /// - Returns: False when the connection, or the process, would hold too many; then nothing has changed.
    func setResponse(_ bytes: Int) -> Bool { held.withLock { $0.setResponse(bytes) } }

    /// The response to the present request begins.
    func responseBegins() {
        held.withLock { held in
            held.unsent.append(held.present)
            held.unsentSum += held.present
            held.present = 0
            held.response = 0
            held.request += 1
        }
    }

    /// The bytes of the oldest response that is not sent; 0 for one that nothing was reserved for.
    var oldestUnsentBytes: Int { held.withLock { $0.unsent.first ?? 0 } }

    /// The bytes of all responses that have begun and are not sent.
    var unsentBytes: Int { held.withLock { $0.unsentSum } }

    /// The oldest response is sent, or is never sent.
    func responseSent() {
        held.withLock { held in
            guard !held.unsent.isEmpty else { return }
            let bytes = held.unsent.removeFirst()
            held.unsentSum -= bytes
            held.account.release(bytes)
        }
    }

    /// Reserves bytes that have arrived while a request is handled.
    ///
    /// - Returns: False when the connection, or the process, would hold too many; then nothing is reserved.
    func queue(_ bytes: Int) -> Bool {
        held.withLock { held in
            guard held.account.reserve(bytes) else { return false }
            held.queued += bytes
            return true
        }
    }

    /// No request is handled any more: what has arrived belongs to the next one.
    func queueEnded() {
        held.withLock { held in
            held.account.release(held.queued)
            held.queued = 0
        }
    }

    /// Whether the client takes what is written to the connection, which is then not idle.
    func setSending(_ isSending: Bool) { share.setSending(isSending) }

    /// Whether a response continues only when the client has taken a part of it.
    ///
    /// Call ``progressed(at:)`` first.
    func setBlocked(_ isBlocked: Bool) { share.setBlocked(isBlocked) }

    /// A part of a body has arrived, or the client has taken a part of a response.
    func progressed(at now: Moment) { share.progressed(at: now) }

    /// Its bytes belong to another connection: it closes with whatever is not sent.
    var gaveWay: Bool { share.gaveWay }

    /// Whole requests whose responses have not ended.
    var handled: Int { running.load(ordering: .relaxed) }

    /// A whole request has arrived.
    func requestArrived() {
        running.wrappingAdd(1, ordering: .relaxed)
        share.began()
    }

    /// The end of a response to such a request is written, or the request is abandoned.
    func requestEnded(at now: Moment) {
        running.wrappingSubtract(1, ordering: .relaxed)
        share.ended(at: now)
    }
}
