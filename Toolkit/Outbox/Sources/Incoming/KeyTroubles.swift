import MartletCore
import MartletMessaging

/// What one consumer remembers of the keys that do not go on: failing events with their pauses, and gaps.
///
/// A value; forgotten when the process ends, after which tries are counted anew. Order never rests on it: that is kept by the
/// positions in the database.
struct KeyTroubles: Sendable {
    /// Keys that are remembered.
    ///
    /// Of further ones that fail, the bus's own count of deliveries decides; further gaps begin to be timed when there is room.
    static let keysLimit = 10_000
    /// A key that has not come again for so long after its pause is another member's now.
    static let forgetting = Duration.seconds(60)

    struct Key: Sendable, Hashable {
        let source: String
        let key: String

        init(_ event: Envelope) {
            source = event.source
            key = event.key
        }
    }

    /// Where an event stands in its key.
    struct Place: Sendable, Hashable, Comparable {
        let epoch: Int
        let sequence: Int64

        init(_ event: Envelope) {
            epoch = event.epoch
            sequence = event.sequence
        }

        static func < (left: Place, right: Place) -> Bool {
            (left.epoch, left.sequence) < (right.epoch, right.sequence)
        }
    }

    struct Failure: Sendable, Hashable {
        let place: Place
        let attempts: Int
        let retryAt: Moment
    }

    private struct Gap {
        let since: Moment
        var lowest: Place
        var seen: Moment
    }

    private var failures: [Key: Failure] = [:]
    private var gaps: [Key: Gap] = [:]

    /// The failing event whose pause this one must wait for: itself, or one before it in its key.
    func blocking(_ event: Envelope, at now: Moment) -> Failure? {
        guard let failure = failures[Key(event)], now < failure.retryAt else { return nil }
        return failure.place <= Place(event) ? failure : nil
    }

    /// Counts one more failure of the event, which is to be tried again after `pause` of the number of failures.
    mutating func failed(
        _ delivery: Delivery,
        at now: Moment,
        pause: (_ attempts: Int) -> Duration
    ) -> Failure {
        let (key, place) = (Key(delivery.event), Place(delivery.event))
        let known = failures[key]
        if known == nil { makeRoom(at: now) }
        let isRemembered = known != nil || failures.count < Self.keysLimit
        let before = isRemembered ? (known?.place == place ? known?.attempts ?? 0 : 0) : delivery.attempt - 1
        let failure = Failure(place: place, attempts: before + 1, retryAt: now + pause(before + 1))
        if isRemembered { failures[key] = failure }
        return failure
    }

    private mutating func makeRoom(at now: Moment) {
        guard failures.count >= Self.keysLimit else { return }
        failures = failures.filter { now < $0.value.retryAt + Self.forgetting }
    }

    /// The key went on to this event.
    mutating func passed(_ event: Envelope) {
        if let failure = failures[Key(event)], failure.place <= Place(event) { failures[Key(event)] = nil }
        gaps[Key(event)] = nil
    }

    /// An event came before the one that it follows.
    ///
    /// Answers how long the key has been waiting.
    mutating func gap(before event: Envelope, at now: Moment) -> Duration {
        let key = Key(event)
        if gaps[key] == nil, gaps.count >= Self.keysLimit {
            gaps = gaps.filter { !Self.isForgotten($0.value, at: now) }
        }
        let known = gaps[key].flatMap { Self.isForgotten($0, at: now) ? nil : $0 }
        var gap = known ?? Gap(since: now, lowest: Place(event), seen: now)
        gap.lowest = min(gap.lowest, Place(event))
        gap.seen = now
        if gaps[key] != nil || gaps.count < Self.keysLimit { gaps[key] = gap }
        return now - gap.since
    }

    /// True for the lowest event behind a gap that has been open for `patience`: what it waits for is thought to be gone.
    func isOverdue(_ event: Envelope, at now: Moment, patience: Duration) -> Bool {
        guard let gap = gaps[Key(event)] else { return false }
        return gap.lowest == Place(event) && now - gap.since >= patience && !Self.isForgotten(gap, at: now)
    }

    private static func isForgotten(_ gap: Gap, at now: Moment) -> Bool { gap.seen + forgetting <= now }
}
