import MartletCore
import MartletMessaging

/// What one consumer remembers of the keys that do not go on: failing events with their pauses, and gaps.
///
/// A value; forgotten when the process ends, after which tries are counted anew.
struct KeyTroubles: Sendable {
    /// Keys that are remembered; beyond that the memory begins anew, which costs a few more tries.
    static let keysLimit = 10_000

    struct Key: Sendable, Hashable {
        let source: String
        let key: String

        init(_ event: Envelope) {
            source = event.source
            key = event.key
        }
    }

    struct Failure: Sendable, Hashable {
        let sequence: Int64
        let attempts: Int
        let retryAt: Moment
    }

    private struct Gap {
        let since: Moment
        var lowest: Int64
    }

    private var failures: [Key: Failure] = [:]
    private var gaps: [Key: Gap] = [:]

    /// The failing event that this one must wait for: the key's own head, or this event itself before its pause is over.
    func blocking(_ event: Envelope, at now: Moment) -> Failure? {
        guard let failure = failures[Key(event)] else { return nil }
        if event.sequence > failure.sequence { return failure }
        return event.sequence == failure.sequence && now < failure.retryAt ? failure : nil
    }

    /// Counts one more failure of the event, which is to be tried again after `pause` of the number of failures.
    mutating func failed(_ event: Envelope, at now: Moment, pause: (_ attempts: Int) -> Duration) -> Failure {
        if failures.count >= Self.keysLimit { failures = [:] }
        let known = failures[Key(event)]
        let attempts = (known?.sequence == event.sequence ? known?.attempts ?? 0 : 0) + 1
        let failure = Failure(sequence: event.sequence, attempts: attempts, retryAt: now + pause(attempts))
        failures[Key(event)] = failure
        return failure
    }

    /// The key went on to this event.
    mutating func passed(_ event: Envelope) {
        if let failure = failures[Key(event)], failure.sequence <= event.sequence { failures[Key(event)] = nil }
        gaps[Key(event)] = nil
    }

    /// An event came before the one that it follows.
    ///
    /// Answers how long the key has been waiting.
    mutating func gap(before event: Envelope, at now: Moment) -> Duration {
        if gaps.count >= Self.keysLimit { gaps = [:] }
        var gap = gaps[Key(event)] ?? Gap(since: now, lowest: event.sequence)
        gap.lowest = min(gap.lowest, event.sequence)
        gaps[Key(event)] = gap
        return now - gap.since
    }

    /// True for the lowest event behind a gap that has been open for `patience`: what it waits for is thought to be gone.
    func isOverdue(_ event: Envelope, at now: Moment, patience: Duration) -> Bool {
        guard let gap = gaps[Key(event)] else { return false }
        return gap.lowest == event.sequence && now - gap.since >= patience
    }
}
