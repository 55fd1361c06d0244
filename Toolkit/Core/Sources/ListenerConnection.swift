import Synchronization

/// One open connection of a listener.
///
/// Safe to share between threads; what each request calls takes no lock.
package final class ListenerConnection: Sendable {
    /// Only questions about health are answered on this connection; everything else is refused as overloaded.
    package let isReserved: Bool
    let number: UInt64
    let charge: ByteCharge
    let time: any TimeSource
    let opened: Moment
    let close: @Sendable () -> Void
    private let budget: ListenerBudget
    private let running = Atomic(0)
    private let sending = Atomic(false)
    private let blocked = Atomic(false)
    private let trusted = Atomic(false)
    private let lastProgress: Atomic<Int64>
    private let yielded = Atomic(false)

    init(
        number: UInt64,
        isReserved: Bool,
        charge: ByteCharge,
        time: any TimeSource,
        of budget: ListenerBudget,
        close: @escaping @Sendable () -> Void
    ) {
        self.number = number
        self.isReserved = isReserved
        self.charge = charge
        self.time = time
        self.budget = budget
        self.close = close
        opened = time.now
        lastProgress = Atomic(opened.nanoseconds)
    }

    /// Whether a token was accepted on the connection.
    package var isTrusted: Bool { trusted.load(ordering: .relaxed) }

    /// A token was accepted: idle connections without one are closed before this one.
    package func trust() { trusted.store(true, ordering: .relaxed) }

    /// A whole request has arrived and is being handled: the connection is not idle.
    package func began() { running.wrappingAdd(1, ordering: .relaxed) }

    /// The response to a request that began is sent, or the request is abandoned.
    package func ended(at now: Moment) {
        progressed(at: now)
        running.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Whether the client takes a response: the connection is then not idle.
    package func setSending(_ isSending: Bool) { sending.store(isSending, ordering: .relaxed) }

    /// Whether a response continues only when the client has taken what is written of it.
    ///
    /// The connection waits for the client then, also while the request is handled. Call ``progressed(at:)`` first.
    package func setBlocked(_ isBlocked: Bool) { blocked.store(isBlocked, ordering: .releasing) }

    /// The client has sent a part of a request, or taken one of a response.
    package func progressed(at now: Moment) { lastProgress.store(now.nanoseconds, ordering: .relaxed) }

    /// A new account for the connection's bytes in flight; each connection needs one.
    package func account() -> ByteAccount {
        ByteAccount(charge, limits: budget.limits.connection) { self.budget.makeSpace(for: self, raisingTo: $0) }
    }

    /// The connection is closed; a repeat does nothing.
    package func closed() { budget.remove(self) }

    /// Its bytes belong to another connection: it must close with whatever is not sent.
    package var gaveWay: Bool { yielded.load(ordering: .relaxed) }

    func giveWay() {
        yielded.store(true, ordering: .relaxed)
        charge.revoke()
        close()
    }

    private var isHandling: Bool { running.load(ordering: .relaxed) != 0 }

    private var lastProgressed: Moment { Moment(nanoseconds: lastProgress.load(ordering: .relaxed)) }

    /// Since when no request is handled and no response is taken; `nil` while one is.
    var idleSince: Moment? { isHandling || sending.load(ordering: .relaxed) ? nil : lastProgressed }

    /// Since when the client, which the connection waits for, has neither sent nor taken anything; `nil` while a request is
    /// handled whose response is not blocked.
    var stalledSince: Moment? { blocked.load(ordering: .acquiring) || !isHandling ? lastProgressed : nil }
}
