public import MartletCore
import Synchronization

/// Stops calling a peer that keeps failing, and asks again after a pause.
///
/// Safe to share between tasks. Never suspends on its own; a decision costs one lock.
public final class CircuitBreaker: Sendable {
    /// What an error says about the peer.
    public enum Verdict: Sendable {
        /// It is sick.
        case failure
        /// It is well: it decided against the call.
        case success
        /// Nothing: the call was given up by the caller.
        case nothing
    }

    private let time: any TimeSource
    private let machine: Mutex<Machine>

    /// - Parameters:
    ///   - failuresLimit: Failures in a row that open the circuit. At least 1.
    ///   - pause: How long the circuit stays open before one probe may pass.
    public init(failuresLimit: Int, pause: Duration, time: any TimeSource) {
        precondition(failuresLimit >= 1)
        self.time = time
        self.machine = Mutex(Machine(failuresLimit: failuresLimit, pause: pause))
    }

    /// True while calls are refused or a single probe is out.
    public var isOpen: Bool {
        machine.withLock { machine in
            if case .closed = machine.state { false } else { true }
        }
    }

    /// Runs `body` unless the circuit is open.
    ///
    /// - Parameter judge: What an error of `body` says about the peer.
    /// - Throws: ``CircuitOpen`` without running `body`; otherwise whatever `body` throws.
    public func run<R: Sendable>(
        judging judge: (any Error) -> Verdict = { _ in .failure },
        _ body: () async throws -> R
    ) async throws -> R {
        guard let admission = machine.withLock({ $0.admit(at: time.now) }) else {
            throw CircuitOpen(retryAfter: machine.withLock { $0.wait(at: time.now) })
        }
        do {
            let result = try await body()
            machine.withLock { $0.succeeded(admission) }
            return result
        } catch {
            machine.withLock { machine in
                switch judge(error) {
                case .failure: machine.failed(admission, at: time.now)
                case .success: machine.succeeded(admission)
                case .nothing: machine.abandoned(admission, at: time.now)
                }
            }
            throw error
        }
    }
}

extension CircuitBreaker {
    /// The decisions, without clock, lock or task: a value that a test drives by hand.
    struct Machine: Sendable {
        enum State: Equatable {
            /// Calls pass. Goes to `open` after `failuresLimit` failures in a row.
            case closed(failures: Int)
            /// Calls are refused. Goes to `probing` at `until`.
            case open(until: Moment)
            /// One call is out. Goes to `closed` when it succeeds, back to `open` when it fails or is given up.
            case probing
        }

        /// A call that passed.
        ///
        /// Its answer counts while the circuit stands as it did then: a late one says nothing about the peer of today.
        struct Admission: Sendable, Equatable {
            fileprivate let era: Int
        }

        let failuresLimit: Int
        let pause: Duration
        private(set) var state = State.closed(failures: 0)
        /// Grows whenever the circuit opens, probes or closes.
        private var era = 0

        init(failuresLimit: Int, pause: Duration) {
            self.failuresLimit = failuresLimit
            self.pause = pause
        }

        /// - Returns: `nil` when the call is refused.
        mutating func admit(at now: Moment) -> Admission? {
            switch state {
            case .closed: break
            case .open(let until) where until <= now: turn(.probing)
            case .open, .probing: return nil
            }
            return Admission(era: era)
        }

        /// How long a refused caller should wait.
        func wait(at now: Moment) -> Duration {
            if case .open(let until) = state, now < until { until - now } else { pause }
        }

        mutating func succeeded(_ admission: Admission) {
            guard admission.era == era else { return }
            if case .probing = state { turn(.closed(failures: 0)) } else { state = .closed(failures: 0) }
        }

        mutating func failed(_ admission: Admission, at now: Moment) {
            guard admission.era == era else { return }
            if case .closed(let failures) = state, failures + 1 < failuresLimit {
                state = .closed(failures: failures + 1)
            } else {
                turn(.open(until: now + pause))
            }
        }

        mutating func abandoned(_ admission: Admission, at now: Moment) {
            guard admission.era == era, case .probing = state else { return }
            turn(.open(until: now))  // Unanswered: the next call is the probe.
        }

        private mutating func turn(_ next: State) {
            era += 1
            state = next
        }
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
