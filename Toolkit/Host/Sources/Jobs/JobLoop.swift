import Logging
import MartletCore
import MartletSQL
import MartletTelemetry

/// Runs one job periodically.
struct JobLoop: Sendable {
    /// How soon a replica looks again that met another one, or whose database failed.
    static let retryDelay = Duration.milliseconds(100)
    static let retryDelayMax = Duration.seconds(5)

    private let job: Job
    private let database: any SQLDatabase
    private let instance: String
    private let clock: ClockWatch
    private let time: any TimeSource

    /// - Parameter instance: The name of this process among those that use the database.
    init(_ job: Job, on database: any SQLDatabase, instance: String, clock: ClockWatch, time: any TimeSource) {
        self.job = job
        self.database = database
        self.instance = instance
        self.clock = clock
        self.time = time
    }

    func run() async throws {
        var pause = job.isExclusive ? Duration.zero : job.interval
        while true {
            if pause > .zero { try await time.sleep(for: pause) }
            pause = try await step()
        }
    }

    /// Runs the job unless the wall clock has jumped; for one with a lease, if it is due and no other replica runs it.
    ///
    /// - Returns: How long until the next step.
    func step() async throws -> Duration {
        // An interval, such as a day, would skip a run.
        if clock.pausesExpiry { return min(job.interval, ClockWatch.suspension) }
        do {
            return try await job.isExclusive ? turn() : everywhere()
        } catch is CancellationError where Task.isCancelled {
            throw CancellationError()
        } catch {
            // Also the cancellation of something that the job has waited for.
            Logger.current.warning(
                "job failed, runs again after its interval",
                error: error,
                metadata: ["job": "\(job.name)", "interval": "\(job.interval)"]
            )
            // The lease of a run that failed has ended: the others wait for the interval, too.
            return min(job.interval, Self.retryDelayMax)
        }
    }

    /// Runs the job without a lease.
    private func everywhere() async throws -> Duration {
        do { try await job.run(on: database) } catch let error where !(error is CancellationError) {
            Logger.current.warning(
                "job failed, runs again after its interval",
                error: error,
                metadata: ["job": "\(job.name)", "interval": "\(job.interval)"]
            )
        }
        return job.interval
    }

    /// Runs the job if it is due and no other replica runs it.
    ///
    /// - Returns: How long until it looks again.
    private func turn() async throws -> Duration {
        let (job, instance) = (job, instance)
        let wait = try await database.read("job.due") { tx in try JobLease.wait(for: job, instance: instance, in: tx) }
        if let wait { return wait }
        let lease = try await database.transaction("job.claim", options: .locking) { tx in
            try JobLease.claim(job, instance: instance, in: tx)
        }
        guard let lease else { return Self.retryDelay }
        return try await run(under: lease) ? job.interval : .zero
    }

    /// - Returns: False when another replica has taken the lease; it may end before its run does.
    private func run(under lease: JobLease) async throws -> Bool {
        let run = JobRun(id: "\(job.name)/\(lease.dueAt.microseconds)", lease: lease, on: database)
        do {
            try await renewing(lease, of: run) { [job] in try await job.body(run) }
        } catch let error as JobLeaseLost {
            Logger.current.warning(
                "another replica has taken the job, this run ends",
                metadata: ["job": "\(error.job)"]
            )
            return run.hasEnded
        } catch let error where !(error is CancellationError) {
            try await end(lease, of: run)
            throw error
        }
        try await end(lease, of: run)
        return true
    }

    private func end(_ lease: JobLease, of run: JobRun) async throws {
        guard !run.hasEnded else { return }
        try await database.transaction("job.end", options: .locking) { tx in try lease.end(in: tx) }
    }

    /// Runs `body` and renews the lease meanwhile.
    ///
    /// - Throws: ``JobLeaseLost`` when another replica has it, after `body` was cancelled.
    private func renewing(
        _ lease: JobLease,
        of run: JobRun,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await body() }
            group.addTask { try await renew(lease, of: run) }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Renews the lease until its task is cancelled.
    private func renew(_ lease: JobLease, of run: JobRun) async throws {
        while true {
            try await time.sleep(for: JobLease.length / 3)
            if run.hasEnded { continue }
            do {
                try await database.transaction("job.renew", options: .locking) { tx in try lease.keep(in: tx) }
            } catch let error as JobLeaseLost {
                // The run may have ended meanwhile: the rest of its body continues.
                if !run.hasEnded { throw error }
            } catch let error where !(error is CancellationError) {
                Logger.current.debug("the lease of a job cannot be renewed, will be retried", error: error)
            }
        }
    }
}
