public import MartletCore
import Synchronization

/// Runs a program deterministically: a seed decides which task runs next and when time advances.
///
/// The program takes time from ``time`` and random numbers from its own source with the same seed; it has no
/// unstructured tasks and no threads. Hashing must be equal in every process too: see ``DeterministicHashing``.
public struct Simulation: Sendable {
    public let executor: SeededExecutor
    public let time: VirtualTime
    private let limits: Limits

    /// Limits of a run that does not end by itself.
    public struct Limits: Sendable {
        /// Jobs of one run.
        public var steps = 100_000_000
        /// Virtual time of one run.
        public var span = Duration.seconds(3_600)

        public init() {}
    }

    /// Why a run was stopped.
    public enum Failure: Error, Equatable {
        /// No job is ready and no task sleeps: the program waits for an outside event, or is deadlocked.
        case stuck(at: Moment)
        case tooManySteps(at: Moment)
        case tooLong
    }

    public init(seed: UInt64, time: VirtualTime = VirtualTime(), limits: Limits = Limits()) {
        executor = SeededExecutor(seed: seed)
        self.time = time
        self.limits = limits
    }

    /// Runs `body` to its end in the calling thread.
    ///
    /// Once per simulation, since a second run would continue from the state of the first.
    ///
    /// - Throws: What `body` throws; ``Failure`` when it does not end, and its tasks stay suspended then.
    public func run<R: Sendable>(_ body: @escaping @Sendable () async throws -> R) throws -> R {
        let outcome = Outcome<R>()
        let end = time.now + limits.span
        Task(executorPreference: executor) {
            do {
                let value = try await body()
                outcome.result.withLock { $0 = .success(value) }
            } catch {
                outcome.result.withLock { $0 = .failure(error) }
            }
        }
        while true {
            guard executor.drain(limit: limits.steps - executor.steps) else {
                throw Failure.tooManySteps(at: time.now)
            }
            if let result = outcome.result.withLock({ $0 }) { return try result.get() }
            guard time.advanceToNextSleeper() else { throw Failure.stuck(at: time.now) }
            guard time.now <= end else { throw Failure.tooLong }
            executor.record(UInt64(bitPattern: time.now.nanoseconds))
        }
    }

    /// Runs cancelled tasks to their end, so that a process can run many simulations.
    ///
    /// Time advances for tasks that sleep meanwhile. A task that waits for something that never comes stays suspended.
    public func runRemaining() {
        let end = time.now + limits.span
        repeat {
            guard executor.drain(limit: max(0, limits.steps - executor.steps)) else { return }
        } while time.advanceToNextSleeper() && time.now <= end
    }

    private final class Outcome<R: Sendable>: Sendable {
        let result = Mutex<Result<R, any Error>?>(nil)
    }
}
