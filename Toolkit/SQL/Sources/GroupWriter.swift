public import Logging
public import MartletCore
import Synchronization

/// Runs jobs on a connection as ``GroupCommit`` decides.
///
/// No result is returned before the commit that it depends on.
public final class GroupWriter: Sendable {
    private let time: any TimeSource
    private let limits: GroupCommit.Limits
    private let log: Logger
    private let counts = Mutex(SQLCounts())

    public init(time: any TimeSource, limits: GroupCommit.Limits, log: Logger) {
        self.time = time
        self.limits = limits
        self.log = log
    }

    public var statistics: SQLStatistics { counts.withLock { $0.statistics } }

    /// Runs `first` and the jobs from `next` until there are none or the batch is full, commits, and resumes all
    /// callers.
    ///
    /// A job whose caller has stopped waiting begins no batch and takes no place in one, so that short deadlines leave no
    /// work for which others wait.
    public func write(_ first: SQLJob, next: () -> SQLJob?, on connection: any SQLConnection) {
        var apart: [SQLJob] = []
        func awaited() -> SQLJob? {
            while let job = next() {
                if failLate(job) { continue }
                guard job.options.isApart else { return job }
                apart.append(job)
            }
            return nil
        }
        var head: SQLJob? = first
        if failLate(first) {
            head = awaited()
        } else if first.options.isApart {
            apart.append(first)
            head = nil
        }
        if let head { writeBatch(head, next: awaited, on: connection) }
        for job in apart { writeApart(job, on: connection) }
    }

    /// Runs a job that shares its commit with no other.
    private func writeApart(_ job: SQLJob, on connection: any SQLConnection) {
        guard job.options.isolation == .autocommit else {
            return writeBatch(job, next: { nil }, on: connection)
        }
        do {
            try connection.begin(SQLBegin(job.options, isReadOnly: false))
        } catch {
            return job.fail(error)
        }
        let attempt = job.attempt(connection)
        do {
            // Its statements are committed: this ends the connection's use for the job.
            try notify([attempt], on: connection)
            try connection.control(.commit)
            attempt.resume(nil)
        } catch {
            attempt.resume(attempt.failure ?? error)
        }
    }

    /// - Returns: True when the caller of the job has stopped waiting; then the job has failed.
    private func failLate(_ job: SQLJob) -> Bool {
        guard let deadline = job.options.deadline, deadline <= time.now else { return false }
        job.fail(Fault.notBegun)
        return true
    }

    private func writeBatch(_ first: SQLJob, next: () -> SQLJob?, on connection: any SQLConnection) {
        var batch = GroupCommit(limits: limits, at: time.now)
        var runs: [Run] = []
        do {
            try connection.begin(SQLBegin(first.options, isReadOnly: false))
        } catch {
            return failWaiting(first, next: next, error)
        }
        var waiting: SQLJob? = first
        while let job = waiting {
            let savepoint = batch.admit()
            let run = Run(job: job, attempt: run(job, inSavepoint: savepoint, on: connection))
            runs.append(run)
            switch batch.afterBody(failure: run.attempt.failure, transactionOpen: connection.inTransaction) {
            case .keep, .undo:
                break
            case .failAlone:
                rollBack(connection)
                return run.attempt.resume(run.attempt.failure ?? Self.transactionEnded)
            case .rerunIndividually:
                rollBack(connection)
                return rerunIndividually(runs, on: connection)
            case .failAndRerunOthers:
                rollBack(connection)
                run.attempt.resume(run.attempt.failure)
                return rerunIndividually(Array(runs.dropLast()), on: connection)
            case .failAll:
                rollBack(connection)
                for other in runs { other.attempt.resume(run.attempt.failure) }
                return
            }
            waiting = batch.mayAdmit(at: time.now) ? next() : nil
        }
        commit(batch, runs, on: connection)
    }

    /// Runs `job` on a snapshot and resumes its caller.
    public func read(_ job: SQLJob, on connection: any SQLConnection) {
        if failLate(job) { return }
        do {
            try connection.begin(SQLBegin(job.options, isReadOnly: true))
        } catch {
            return job.fail(error)
        }
        let attempt = timed(job, on: connection)
        do {
            if attempt.failure == nil {
                try connection.control(.commit)
            } else {
                rollBack(connection)
            }
            attempt.resume(nil)
        } catch {
            rollBack(connection)
            attempt.resume(error)
        }
    }

    // MARK: - One batch

    private struct Run {
        let job: SQLJob
        let attempt: SQLJob.Attempt
    }

    /// Runs a body once, and keeps or undoes its part of the batch where possible.
    private func run(_ job: SQLJob, inSavepoint: Bool, on connection: any SQLConnection) -> SQLJob.Attempt {
        guard inSavepoint else { return timed(job, on: connection) }
        do {
            try connection.control(.savepoint)
        } catch {
            return SQLJob.Attempt(failure: error) { job.fail($0 ?? error) }
        }
        let attempt = timed(job, on: connection)
        guard connection.inTransaction else { return attempt }
        do {
            if attempt.failure != nil { try connection.control(.rollbackToSavepoint) }
            try connection.control(.releaseSavepoint)
            return attempt
        } catch {
            // This body's work cannot be separated from the other bodies' any more.
            rollBack(connection)
            return SQLJob.Attempt(failure: error, resume: attempt.resume)
        }
    }

    private func timed(_ job: SQLJob, on connection: any SQLConnection) -> SQLJob.Attempt {
        let start = time.now
        let attempt = job.attempt(connection)
        let elapsed = time.now - start
        // A migration runs at startup and delays no other transaction.
        if elapsed > limits.slowBody, !job.options.isMigration {
            log.warning(
                "a transaction's body is slow and delays others",
                metadata: ["transaction": "\(job.name)", "milliseconds": "\(elapsed.milliseconds)"]
            )
        }
        return attempt
    }

    private func commit(_ batch: GroupCommit, _ runs: [Run], on connection: any SQLConnection) {
        var failure: SQLError?
        do {
            crashPoint("sql.committing")
            try notify(runs.map(\.attempt), on: connection)
            try connection.control(.commit)
        } catch {
            failure = error as? SQLError ?? SQLError(.outcomeUnknown, code: "", message: "\(error)")
        }
        switch batch.afterCommit(failure: failure) {
        case .succeed:
            crashPoint("sql.committed")
            let names = runs.filter { $0.attempt.failure == nil }.map(\.job.name)
            counts.withLock { $0.committed(names) }
            for run in runs { run.attempt.resume(nil) }
        case .rerunIndividually:
            rollBack(connection)
            rerunIndividually(runs, on: connection)
        case .failAll:
            rollBack(connection)
            for run in runs { run.attempt.resume(failure) }
        }
    }

    private func notify(_ attempts: [SQLJob.Attempt], on connection: any SQLConnection) throws {
        let channels = attempts.filter { $0.failure == nil }.reduce(into: Set()) { $0.formUnion($1.channels) }
        if !channels.isEmpty { try connection.notify(channels) }
    }

    private func rerunIndividually(_ runs: [Run], on connection: any SQLConnection) {
        counts.withLock { $0.reran(runs.count) }
        for run in runs where !failLate(run.job) { writeBatch(run.job, next: { nil }, on: connection) }
    }

    /// No transaction can begin: fails the waiting jobs immediately.
    private func failWaiting(_ first: SQLJob, next: () -> SQLJob?, _ error: any Error) {
        first.fail(error)
        for _ in 1..<limits.bodies {
            guard let job = next() else { break }
            job.fail(error)
        }
    }

    private func rollBack(_ connection: any SQLConnection) {
        guard connection.inTransaction else { return }
        // A rollback that fails leaves the transaction open: the next BEGIN then fails and reports the error to its
        // callers.
        try? connection.control(.rollback)
    }

    private static let transactionEnded = SQLError(
        .misuse,
        code: "",
        message: "a statement of the body ended the transaction"
    )
}
