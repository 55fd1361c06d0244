public import MartletCore

/// Runs the body of a transaction again when it conflicts with another one, after pauses that grow and are random.
///
/// Callers that lose to the same transaction would lose to each other if they began again at once. The pauses are those
/// of the caller: no connection or thread waits.
public struct SQLRepeats: Sendable {
    /// How often and how fast a body runs again.
    public struct Limits: Sendable {
        /// Maximum runs of one body.
        ///
        /// At least 1.
        public var attempts = 12
        /// The longest pause after the first conflict; it doubles with each further one.
        ///
        /// The shortest is zero.
        public var pauseMin: Duration = .milliseconds(4)
        /// The longest pause of all.
        public var pauseMax: Duration = .milliseconds(500)

        public init() {}
    }

    private let limits: Limits
    private let runtime: Runtime
    private let backoff: Backoff

    /// - Parameters:
    ///   - limits: How often and how fast a body runs again.
    ///   - runtime: The clock of the pauses, and the random numbers that spread them.
    public init(limits: Limits, runtime: Runtime) {
        precondition(limits.attempts >= 1)
        self.limits = limits
        self.runtime = runtime
        backoff = Backoff(initial: limits.pauseMin, maximum: limits.pauseMax, jitter: .full)
    }

    /// Runs `attempt` until it does not conflict, at most ``Limits/attempts`` times, and not beyond `deadline`.
    ///
    /// - Parameters:
    ///   - deadline: When the caller stops waiting; `nil`: never. A pause that would reach it is not begun.
    ///   - attempt: One run of a transaction.
    /// - Throws: What `attempt` throws; a conflict only after the last attempt, or when the task was cancelled during a
    ///   pause. Nothing was committed then.
    public func run<R: Sendable>(until deadline: Moment?, _ attempt: () async throws -> R) async throws -> R {
        var attempts = 0
        while true {
            do {
                return try await attempt()
            } catch let error as SQLError where error.kind == .conflict {
                attempts += 1
                let pause = backoff.delay(after: attempts, runtime.entropy)
                guard attempts < limits.attempts, deadline.map({ runtime.time.now + pause < $0 }) ?? true else {
                    throw error
                }
                do { try await runtime.time.sleep(for: pause) } catch is CancellationError { throw error }
            }
        }
    }
}
