import MartletCore
import MartletMessaging

/// One consumer's in-memory state of blocked keys: failing events with their retry delays, and gaps.
///
/// Lost when the process exits; attempts are then counted from 1 again. Ordering never depends on it: the positions in
/// the database ensure it.
struct KeyFailures: Sendable {
    /// The maximum number of tracked keys.
    ///
    /// For further failing keys the bus's delivery count decides; further gaps are timed once there is capacity.
    static let keysLimit = 10_000
    /// A key that was not redelivered for this long after its delay belongs to another member now.
    static let retention = Duration.seconds(60)

    struct Key: Sendable, Hashable {
        let source: ExactText
        let key: ExactText

        init(_ event: Envelope) {
            source = ExactText(event.source)
            key = ExactText(event.key)
        }
    }

    /// An event's position in its key.
    struct Position: Sendable, Hashable, Comparable {
        let epoch: Int
        let sequence: Int64

        init(_ event: Envelope) {
            epoch = event.epoch
            sequence = event.sequence
        }

        static func < (left: Position, right: Position) -> Bool {
            (left.epoch, left.sequence) < (right.epoch, right.sequence)
        }
    }

    struct Failure: Sendable, Hashable {
        let position: Position
        let attempts: Int
        let retryAt: Moment
    }

    private struct Gap {
        let since: Moment
        var lowest: Position
        var seen: Moment
    }

    private var failures: [Key: Failure] = [:]
    private var gaps: [Key: Gap] = [:]

    /// The failing event whose retry delay blocks this event: itself, or an earlier one of its key.
    func blocking(_ event: Envelope, at now: Moment) -> Failure? {
        guard let failure = failures[Key(event)], now < failure.retryAt else { return nil }
        return failure.position <= Position(event) ? failure : nil
    }

    /// Counts one more failure of the event; `delay` returns the delay before the next attempt.
    mutating func failed(
        _ delivery: Delivery,
        at now: Moment,
        delay: (_ attempts: Int) -> Duration
    ) -> Failure {
        let (key, position) = (Key(delivery.event), Position(delivery.event))
        let known = failures[key]
        if known == nil { evictExpired(at: now) }
        let isTracked = known != nil || failures.count < Self.keysLimit
        let before = isTracked ? (known?.position == position ? known?.attempts ?? 0 : 0) : delivery.attempt - 1
        let failure = Failure(position: position, attempts: before + 1, retryAt: now + delay(before + 1))
        if isTracked { failures[key] = failure }
        return failure
    }

    private mutating func evictExpired(at now: Moment) {
        guard failures.count >= Self.keysLimit else { return }
        failures = failures.filter { now < $0.value.retryAt + Self.retention }
    }

    /// The key has advanced to this event.
    mutating func advanced(to event: Envelope) {
        if let failure = failures[Key(event)], failure.position <= Position(event) { failures[Key(event)] = nil }
        gaps[Key(event)] = nil
    }

    /// An event arrived before its predecessor.
    ///
    /// - Returns: How long the gap has been open.
    mutating func gap(before event: Envelope, at now: Moment) -> Duration {
        let key = Key(event)
        if gaps[key] == nil, gaps.count >= Self.keysLimit {
            gaps = gaps.filter { !Self.isExpired($0.value, at: now) }
        }
        let known = gaps[key].flatMap { Self.isExpired($0, at: now) ? nil : $0 }
        var gap = known ?? Gap(since: now, lowest: Position(event), seen: now)
        gap.lowest = min(gap.lowest, Position(event))
        gap.seen = now
        if gaps[key] != nil || gaps.count < Self.keysLimit { gaps[key] = gap }
        return now - gap.since
    }

    /// True for the lowest event behind a gap that has been open for `timeout`: the missing event is presumed lost.
    func isOverdue(_ event: Envelope, at now: Moment, timeout: Duration) -> Bool {
        guard let gap = gaps[Key(event)] else { return false }
        return gap.lowest == Position(event) && now - gap.since >= timeout && !Self.isExpired(gap, at: now)
    }

    private static func isExpired(_ gap: Gap, at now: Moment) -> Bool { gap.seen + retention <= now }
}
