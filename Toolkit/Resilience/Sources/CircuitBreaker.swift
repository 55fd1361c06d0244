public import MartletCore
import Synchronization

/// Stops calls to a failing peer, and probes it after a delay.
///
/// Safe to share between tasks. Never suspends on its own; a decision costs one lock.
public final class CircuitBreaker: Sendable {
    /// How an error counts for the circuit.
    public enum Classification: Sendable {
        /// The peer failed.
        case failure
        /// The peer is healthy: it refused the call.
        case success
        /// Not counted: the caller abandoned the call.
        case ignored
    }

    private let time: any TimeSource
    private let stateMachine: Mutex<StateMachine>

    /// - Parameters:
    ///   - failuresLimit: Failures in a row that open the circuit. At least 1.
    ///   - openDuration: How long the circuit stays open before one probe may pass.
    ///   - time: The clock for `openDuration`.
    public init(failuresLimit: Int, openDuration: Duration, time: any TimeSource) {
        precondition(failuresLimit >= 1)
        self.time = time
        self.stateMachine = Mutex(StateMachine(failuresLimit: failuresLimit, openDuration: openDuration))
    }

    /// True while calls are refused or a single probe is in flight.
    public var isOpen: Bool {
        stateMachine.withLock { stateMachine in
            if case .closed = stateMachine.state { false } else { true }
        }
    }

    /// Runs `body` unless the circuit is open.
    ///
    /// - Parameters:
    ///   - classify: How an error of `body` counts.
    ///   - body: The call.
    /// - Throws: ``CircuitOpen`` without running `body`; otherwise whatever `body` throws.
    public func run<R: Sendable>(
        classifying classify: (any Error) -> Classification = { _ in .failure },
        _ body: () async throws -> R
    ) async throws -> R {
        guard let admission = stateMachine.withLock({ $0.admit(at: time.now) }) else {
            throw CircuitOpen(retryAfter: stateMachine.withLock { $0.wait(at: time.now) })
        }
        do {
            let result = try await body()
            stateMachine.withLock { $0.succeeded(admission) }
            return result
        } catch {
            stateMachine.withLock { stateMachine in
                switch classify(error) {
                case .failure: stateMachine.failed(admission, at: time.now)
                case .success: stateMachine.succeeded(admission)
                case .ignored: stateMachine.abandoned(admission, at: time.now)
                }
            }
            throw error
        }
    }
}

extension CircuitBreaker {
    /// The decisions, without clock, lock or task: a value that tests drive directly.
    struct StateMachine: Sendable {
        enum State: Equatable {
            /// Calls pass. Goes to `open` after `failuresLimit` failures in a row.
            case closed(failures: Int)
            /// Calls are refused. Goes to `probing` at `until`.
            case open(until: Moment)
            /// One call is in flight. Goes to `closed` when it succeeds, back to `open` when it fails or is abandoned.
            case probing
        }

        /// An admitted call.
        ///
        /// Its result counts only if the circuit has not changed its state since: a late result is ignored.
        struct Admission: Sendable, Equatable {
            fileprivate let generation: Int
        }

        let failuresLimit: Int
        let openDuration: Duration
        private(set) var state = State.closed(failures: 0)
        /// Incremented whenever the circuit opens, probes or closes.
        private var generation = 0

        init(failuresLimit: Int, openDuration: Duration) {
            self.failuresLimit = failuresLimit
            self.openDuration = openDuration
        }

        /// - Returns: `nil` when the call is refused.
        mutating func admit(at now: Moment) -> Admission? {
            switch state {
            case .closed: break
            case .open(let until) where until <= now: transition(to: .probing)
            case .open, .probing: return nil
            }
            return Admission(generation: generation)
        }

        /// How long a refused caller should wait.
        func wait(at now: Moment) -> Duration {
            if case .open(let until) = state, now < until { until - now } else { openDuration }
        }

        mutating func succeeded(_ admission: Admission) {
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
            guard admission.generation == generation, case .probing = state else { return }
            transition(to: .open(until: now))  // No result: the next call is the probe.
        }

        private mutating func transition(to next: State) {
            generation += 1
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
