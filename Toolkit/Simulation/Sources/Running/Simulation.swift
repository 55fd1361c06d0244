public import MartletCore
import Synchronization

/// A program whose whole course follows from a seed: who runs next, and when time passes.
///
/// The program takes time from ``time`` and chance from a source of its own with the same seed; it has no unstructured tasks and
/// no threads. Hashing must be equal in every process too: see ``DeterministicHashing``.
public struct Simulation: Sendable {
    public let executor: SeededExecutor
    public let time: VirtualTime
    private let limits: Limits

    /// What ends a run that does not end by itself.
    public struct Limits: Sendable {
        /// Jobs of one run.
        public var steps = 100_000_000
        /// Virtual time of one run.
        public var span = Duration.seconds(3_600)

        public init() {}
    }

    /// Why a run was given up.
    public enum Failure: Error, Equatable {
        /// Nothing can run and nobody sleeps: the program waits for something outside, or for itself.
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
    /// Once per simulation, since a second run would go on where the first one ended.
    ///
    /// - Throws: What `body` throws; ``Failure`` when it does not end, and then its tasks stay where they are.
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
            executor.note(UInt64(bitPattern: time.now.nanoseconds))
        }
    }

    /// Lets whatever has been told to stop come to its end, so that a process can run many simulations.
    ///
    /// Time passes for those who sleep on their way out. What waits for something that never comes stays where it is.
    public func windUp() {
        let end = time.now + limits.span
        repeat {
            guard executor.drain(limit: max(0, limits.steps - executor.steps)) else { return }
        } while time.advanceToNextSleeper() && time.now <= end
    }

    private final class Outcome<R: Sendable>: Sendable {
        let result = Mutex<Result<R, any Error>?>(nil)
    }
}
