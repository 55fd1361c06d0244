import MartletCore
import MartletMessaging
import MartletSQL

/// An event has a marker: it must be taken alone, behind a marker of this process.
struct EventIsMarked: Error {}

extension Inbox {
    /// Why an event is parked whose handler ended the process.
    static let endedTheProcess = "ended the process"

    /// What was stored before a handler runs.
    enum Marking: Sendable, Hashable {
        /// A marker: the handler may run when it is committed.
        case marked
        /// The decision on an event whose handler must not run.
        case decided(InboxDecision)
        /// The event is parked, since its handler has ended the process.
        case parked
        /// Nothing: another process may be handling the event, or nothing is to be handled.
        case nothing
    }

    /// Stores a marker for the event when it is the next of its key; otherwise processes it.
    func mark(
        _ event: Envelope,
        by holder: AttemptMarker.Holder,
        limits: SubscriptionRunner.Limits,
        in tx: borrowing SQLTransaction
    ) throws -> Marking {
        let (_, decision) = try decide(on: event, in: tx)
        guard decision == .handle else {
            return .decided(try process(event, patience: limits.gapPatience, passesMarkers: true, in: tx))
        }
        let attempt = AttemptRows(group: subscription.group, event: event)
        switch AttemptMarker.decision(on: try attempt.read(in: tx), by: holder, at: try tx.date) {
        case .attempt(let ends):
            // Nothing later of its key passes it, whichever process receives that.
            _ = try rows(of: event).wait(at: EventNumber(event), in: tx)
            let until = try tx.date + limits.attemptLease
            try attempt.store(AttemptMarker(holder: holder, leaseUntil: until, ends: ends), in: tx)
            return .marked
        case .redeliver:
            _ = try rows(of: event).wait(at: EventNumber(event), in: tx)
            return .decided(.marked)
        case .park(let ends):
            _ = try park(event, error: Self.endedTheProcess, attempts: ends, in: tx)
            return .parked
        }
    }

    /// Stores a marker for the first parked event of a key under redrive.
    func markFirst(
        of key: String,
        by holder: AttemptMarker.Holder,
        limits: SubscriptionRunner.Limits,
        in tx: borrowing SQLTransaction
    ) throws -> Marking {
        let (group, topic) = (subscription.group, subscription.topic)
        guard try ParkedMessages.isRedriving(group: group, topic: topic, key: key, in: tx) else { return .nothing }
        let parked = try ParkedMessages.rows(group: group, topic: topic, key: key, limit: 1, in: tx)
        guard let first = parked.first else { return .marked }
        let attempt = AttemptRows(group: group, event: first.event)
        switch AttemptMarker.decision(on: try attempt.read(in: tx), by: holder, at: try tx.date) {
        case .attempt(let ends):
            let until = try tx.date + limits.attemptLease
            try attempt.store(AttemptMarker(holder: holder, leaseUntil: until, ends: ends), in: tx)
            return .marked
        case .redeliver:
            return .nothing
        case .park(let ends):
            try attempt.remove(in: tx)
            try stopRedrive(of: key, error: Self.endedTheProcess, attempts: ends, releasing: holder, in: tx)
            return .parked
        }
    }

    /// The event that a redrive of the key handles next; `nil` when none is left.
    func firstParked(of key: String, in tx: borrowing SQLTransaction) throws -> Envelope? {
        try ParkedMessages.rows(group: subscription.group, topic: subscription.topic, key: key, limit: 1, in: tx)
            .first?.event
    }

    /// Stores a marker for a late event under redrive.
    func markLate(
        _ message: LateMessage,
        by holder: AttemptMarker.Holder,
        limits: SubscriptionRunner.Limits,
        in tx: borrowing SQLTransaction
    ) throws -> Marking {
        guard try LateEvents.isRedriving(message, in: tx) else { return .nothing }
        let attempt = AttemptRows(group: subscription.group, event: message.event)
        switch AttemptMarker.decision(on: try attempt.read(in: tx), by: holder, at: try tx.date) {
        case .attempt(let ends):
            let until = try tx.date + limits.attemptLease
            try attempt.store(AttemptMarker(holder: holder, leaseUntil: until, ends: ends), in: tx)
            return .marked
        case .redeliver:
            return .nothing
        case .park:
            try attempt.remove(in: tx)
            try LateEvents.fail(message, error: Self.endedTheProcess, in: tx)
            return .parked
        }
    }

    /// Handles a late event under redrive and removes its marker; does nothing when it is not redriven any more.
    func redriveLate(_ message: LateMessage, in tx: borrowing SQLTransaction) throws {
        try AttemptRows(group: subscription.group, event: message.event).remove(in: tx)
        guard try LateEvents.finish(message, in: tx) else { return }
        try subscription.apply(message.event, as: spans?.scope(of: message.event), in: tx)
    }

    /// Releases the marker of an attempt that failed without ending the process.
    func releaseMarker(
        of event: Envelope,
        by holder: AttemptMarker.Holder,
        in tx: borrowing SQLTransaction
    ) throws {
        try AttemptRows(group: subscription.group, event: event).release(by: holder, in: tx)
    }
}
