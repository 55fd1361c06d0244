import MartletCore
import MartletMessaging

/// One consumer's in-memory state of failing events, with their retry delays.
///
/// Lost when the process exits; attempts are then counted from 1 again. Ordering never depends on it: the positions and
/// what waits are in the database.
struct KeyFailures: Sendable {
    /// The maximum number of tracked keys.
    ///
    /// For further failing keys the bus's delivery count decides.
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

    struct Failure: Sendable, Hashable {
        let position: EventNumber
        let attempts: Int
        let retryAt: Moment
    }

    private var failures: [Key: Failure] = [:]

    /// The failing event whose retry delay blocks this event: itself, or an earlier one of its key.
    func blocking(_ event: Envelope, at now: Moment) -> Failure? {
        guard let failure = failures[Key(event)], now < failure.retryAt else { return nil }
        return failure.position <= EventNumber(event) ? failure : nil
    }

    /// Counts one more failure of the event; `delay` returns the delay before the next attempt.
    mutating func failed(
        _ delivery: Delivery,
        at now: Moment,
        delay: (_ attempts: Int) -> Duration
    ) -> Failure {
        let (key, position) = (Key(delivery.event), EventNumber(delivery.event))
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
        if let failure = failures[Key(event)], failure.position <= EventNumber(event) { failures[Key(event)] = nil }
    }
}
