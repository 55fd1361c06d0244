@_spi(ExperimentalCustomExecutors) @_spi(ExperimentalScheduling) import _Concurrency

/// The platform's own executors, wrapped to count each job in ``GlobalJobs``.
///
/// The runtime's protocols for this are experimental, so that another toolchain may refuse to build this file.
struct WatchedExecutors: ExecutorFactory {
    private typealias Scheduling = TaskExecutor & SchedulingExecutor

    private static let platform = PlatformExecutorFactory.defaultExecutor as? any Scheduling

    /// Whether the platform's default executor also runs sleeps.
    static var canWatch: Bool { platform != nil }

    static let mainExecutor: any MainExecutor = Main()
    static let defaultExecutor: any TaskExecutor = platform.map(Default.init) ?? PlatformExecutorFactory.defaultExecutor

    private final class Main: MainExecutor {
        private let real = PlatformExecutorFactory.mainExecutor

        func enqueue(_ job: consuming ExecutorJob) {
            GlobalJobs.add(.main)
            real.enqueue(job)
        }

        func run() throws { try real.run() }

        func stop() { real.stop() }

        func checkIsolated() { real.checkIsolated() }
    }

    private final class Default: Scheduling {
        private let real: any Scheduling

        init(_ real: any Scheduling) { self.real = real }

        func enqueue(_ job: consuming ExecutorJob) {
            GlobalJobs.add(.now)
            real.enqueue(job)
        }

        func enqueue<C: Clock>(
            _ job: consuming ExecutorJob,
            at instant: C.Instant,
            tolerance: C.Duration?,
            clock: C
        ) {
            GlobalJobs.add(.later)
            real.enqueue(job, at: instant, tolerance: tolerance, clock: clock)
        }

        func enqueue<C: Clock>(
            _ job: consuming ExecutorJob,
            after delay: C.Duration,
            tolerance: C.Duration?,
            clock: C
        ) {
            GlobalJobs.add(.later)
            real.enqueue(job, after: delay, tolerance: tolerance, clock: clock)
        }
    }
}
