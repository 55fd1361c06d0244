public import MartletCore

/// Stops calls to a peer that keeps failing, and probes it after a delay: a value without clock, lock or task.
///
/// A ``Balancer`` has one for each instance and class of methods.
struct CircuitBreaker: Sendable {
    /// How a failed call counts.
    enum Classification: Sendable {
        /// The peer failed.
        case failure
        /// The peer is healthy: it refused the call.
        case success
        /// Not counted: the cause is this call or its caller, and not the peer.
        case ignored
        /// No answer within a time that is unusual for the call.
        ///
        /// A failure if the peer has answered no call for as long as that; otherwise it is not counted.
        case unanswered(for: Duration)
    }

    enum State: Equatable {
        /// Calls pass. Goes to `open` after `failuresLimit` failures in a row.
        case closed(failures: Int)
        /// Calls are refused. Goes to `probing` with the first call after `until`.
        case open(until: Moment)
        /// Calls are in flight that show whether the peer works; another one may pass after `until`. Goes to `closed`
        /// when one succeeds, back to `open` when one fails.
        case probing(until: Moment)
    }

    /// An admitted call.
    ///
    /// Its result counts only if the circuit has not opened or closed since: a late result is ignored.
    struct Admission: Sendable, Equatable {
        fileprivate let generation: Int
        /// False for a probe that has less time than the call usually takes.
        fileprivate let isConclusive: Bool
    }

    /// Failures in a row that open the circuit, at least 1.
    let failuresLimit: Int
    /// How long the circuit stays open before one probe may pass.
    let openDuration: Duration
    private(set) var state = State.closed(failures: 0)
    /// Incremented whenever the circuit opens, begins to probe or closes.
    private var generation = 0
    private var lastAnswer: Moment?

    init(failuresLimit: Int, openDuration: Duration) {
        precondition(failuresLimit >= 1)
        self.failuresLimit = failuresLimit
        self.openDuration = openDuration
    }

    /// True while calls are refused or a single probe is in flight.
    var isOpen: Bool { if case .closed = state { false } else { true } }

    /// Whether ``admit(at:isConclusive:)`` would admit a call now.
    func admits(at now: Moment, isConclusive: @autoclosure () -> Bool = true) -> Bool {
        switch state {
        case .closed: true
        case .open(let until), .probing(let until):
            until <= now && (until + openDuration <= now || isConclusive())
        }
    }

    /// - Parameter isConclusive: Whether the call has the time that it usually takes. Calls that have not would keep
    ///   the circuit from closing, since all that they show is their own haste: they probe only when no other does.
    /// - Returns: `nil` when the call is refused.
    mutating func admit(at now: Moment, isConclusive: @autoclosure () -> Bool = true) -> Admission? {
        let until: Moment
        switch state {
        case .closed: return Admission(generation: generation, isConclusive: true)
        case .open(let moment), .probing(let moment): until = moment
        }
        guard until <= now else { return nil }
        let isConclusive = isConclusive()
        guard isConclusive || until + openDuration <= now else { return nil }
        let next = State.probing(until: isConclusive ? now + openDuration : now)
        if case .open = state { transition(to: next) } else { state = next }
        return Admission(generation: generation, isConclusive: isConclusive)
    }

    /// How long a refused caller should wait.
    func wait(at now: Moment) -> Duration {
        switch state {
        case .open(let until) where now < until, .probing(let until) where now < until: until - now
        case .closed, .open, .probing: openDuration
        }
    }

    mutating func succeeded(_ admission: Admission, at now: Moment) {
        lastAnswer = now
        guard admission.generation == generation else { return }
        if case .probing = state { transition(to: .closed(failures: 0)) } else { state = .closed(failures: 0) }
    }

    mutating func failed(_ admission: Admission, at now: Moment) {
        guard admission.generation == generation else { return }
        if case .closed(let failures) = state, failures + 1 < failuresLimit {
            state = .closed(failures: failures + 1)
        } else {
            transition(to: .open(until: now + openDuration))
        }
    }

    mutating func abandoned(_ admission: Admission, at now: Moment) {
        guard admission.generation == generation, admission.isConclusive, case .probing = state else { return }
        state = .probing(until: now)  // No result: the next call is the probe.
    }

    /// The call has ended without an answer, after a time that is unusual for it.
    ///
    /// - Returns: Whether that is a failure of the peer.
    @discardableResult
    mutating func unanswered(_ admission: Admission, for duration: Duration, at now: Moment) -> Bool {
        // The peer was busy with this call, and works for others.
        if let lastAnswer, now - lastAnswer < duration {
            abandoned(admission, at: now)
            return false
        }
        failed(admission, at: now)
        return true
    }

    private mutating func transition(to next: State) {
        generation += 1
        state = next
    }
}

/// The circuit is open: the call was not made, so it is safe to send elsewhere.
public struct CircuitOpen: FaultConvertible, CallNotMade, Equatable {
    /// When a probe may pass.
    public let retryAfter: Duration

    public var fault: Fault {
        Fault(.unavailable, .circuitOpen, "the service keeps failing", retryAfter: retryAfter, cause: self)
    }
}

extension Reason {
    /// The caller's own circuit breaker refused the call.
    public static let circuitOpen: Reason = "circuit_open"
}
