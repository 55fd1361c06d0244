import MartletCore

/// A committed marker before an attempt to handle an event: decides what it means, as a value without a database.
///
/// An attempt whose handler ends the process leaves its marker, which a later process finds. A living process releases
/// the markers that no attempt of its own holds.
struct AttemptMarker: Sendable, Hashable {
    /// One process of an instance.
    struct Holder: Sendable, Hashable {
        /// The same for all processes that run in one place, one at a time.
        let instance: ExactText
        /// Differs for each of them.
        let boot: ExactText
    }

    /// What to do with an event before its handler runs.
    enum Decision: Sendable, Hashable {
        /// Commit a marker with this number of ended attempts, then run the handler.
        case attempt(ends: Int)
        /// Another process may be running its handler: it must be redelivered.
        case redeliver
        /// As many attempts have ended their process.
        case park(ends: Int)
    }

    /// Marked attempts that ended their process, after which an event is parked.
    ///
    /// One alone may be a kill from outside, as for lack of memory.
    static let endsLimit = 2

    /// The process whose attempt holds it; `nil` when none does.
    var holder: Holder?
    /// Until when its holder counts as alive, by the database's clock.
    var leaseUntil: Timestamp
    /// Earlier marked attempts that ended their process.
    var ends: Int

    /// Whether the attempt that holds it has ended its process, as `own` sees it: the lease has ended.
    ///
    /// Also of a process of the same instance: the one before `own` was counted when `own` started, so this one lives beside
    /// it, with the same name by mistake.
    private func hasEnded(by own: Holder, at now: Timestamp) -> Bool {
        guard let holder, holder != own else { return false }
        return leaseUntil <= now
    }

    /// What the process `own` does with an event.
    ///
    /// - Parameter stored: The event's marker, if it has one.
    static func decision(on stored: AttemptMarker?, by own: Holder, at now: Timestamp) -> Decision {
        guard let stored else { return .attempt(ends: 0) }
        var ends = stored.ends
        if stored.hasEnded(by: own, at: now) {
            ends += 1
        } else if let holder = stored.holder, holder != own {
            return .redeliver
        }
        return ends < endsLimit ? .attempt(ends: ends) : .park(ends: ends)
    }

    /// The marker after another process has started in the place of `before`; unchanged unless that holds it.
    func replacing(_ before: Holder) -> AttemptMarker {
        guard holder == before else { return self }
        return AttemptMarker(holder: nil, leaseUntil: leaseUntil, ends: ends + 1)
    }

    /// The marker after its holder lives and no attempt holds it; `nil` when nothing needs to be stored.
    var released: AttemptMarker? {
        ends == 0 ? nil : AttemptMarker(holder: nil, leaseUntil: leaseUntil, ends: ends)
    }
}
