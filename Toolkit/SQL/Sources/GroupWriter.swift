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
        let run = job.run()
        run.run(on: connection)
        do {
            // Its statements are committed: this ends the connection's use for the job.
            try notify([run], on: connection)
            try connection.control(.commit)
            run.resume()
        } catch {
            run.resume(run.failure ?? error)
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
        var runs: [SQLRun] = []
        do {
            try connection.begin(SQLBegin(first.options, isReadOnly: false))
        } catch {
            return failWaiting(first, next: next, error)
        }
        var waiting: SQLJob? = first
        while let job = waiting {
            let savepoint = batch.admit()
            let run = run(job, inSavepoint: savepoint, on: connection)
            runs.append(run)
            switch batch.afterBody(failure: run.failure, transactionOpen: connection.inTransaction) {
            case .keep, .undo:
                break
            case .failAlone:
                rollBack(connection)
                return run.resume(run.failure ?? Self.transactionEnded)
            case .rerunIndividually:
                rollBack(connection)
                return rerunIndividually(runs, on: connection)
            case .failAndRerunOthers:
                rollBack(connection)
                run.resume()
                return rerunIndividually(Array(runs.dropLast()), on: connection)
            case .failAll:
                rollBack(connection)
                for other in runs { other.resume(run.failure) }
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
        let run = job.run()
        runTimed(run, on: connection)
        do {
            if run.failure == nil {
                try connection.control(.commit)
            } else {
                rollBack(connection)
            }
            run.resume()
        } catch {
            rollBack(connection)
            run.resume(error)
        }
    }

    // MARK: - One batch

    /// Runs a body once, and keeps or undoes its part of the batch where possible.
    private func run(_ job: SQLJob, inSavepoint: Bool, on connection: any SQLConnection) -> SQLRun {
        let run = job.run()
        do {
            if inSavepoint { try connection.control(.savepoint) }
        } catch {
            run.failure = error
            return run
        }
        runTimed(run, on: connection)
        guard inSavepoint, connection.inTransaction else { return run }
        do {
            if run.failure != nil { try connection.control(.rollbackToSavepoint) }
            try connection.control(.releaseSavepoint)
        } catch {
            // This body's work cannot be separated from the other bodies' any more.
            rollBack(connection)
            run.failure = error
        }
        return run
    }

    private func runTimed(_ run: SQLRun, on connection: any SQLConnection) {
        let start = time.now
        run.run(on: connection)
        let elapsed = time.now - start
        // A migration runs at startup and delays no other transaction.
        if elapsed > limits.slowBody, !run.job.options.isMigration {
            log.warning(
                "a transaction's body is slow and delays others",
                metadata: ["transaction": "\(run.job.name)", "milliseconds": "\(elapsed.milliseconds)"]
            )
        }
    }

    private func commit(_ batch: GroupCommit, _ runs: [SQLRun], on connection: any SQLConnection) {
        var failure: SQLError?
        do {
            crashPoint("sql.committing")
            try notify(runs, on: connection)
            try connection.control(.commit)
        } catch {
            failure = error as? SQLError ?? SQLError(.outcomeUnknown, code: "", message: "\(error)")
        }
        switch batch.afterCommit(failure: failure) {
        case .succeed:
            crashPoint("sql.committed")
            counts.withLock { $0.committed(runs) }
            for run in runs { run.resume() }
        case .rerunIndividually:
            rollBack(connection)
            rerunIndividually(runs, on: connection)
        case .failAll:
            rollBack(connection)
            for run in runs { run.resume(failure) }
        }
    }

    private func notify(_ runs: [SQLRun], on connection: any SQLConnection) throws {
        var channels: Set<SQLChannel> = []
        for run in runs where run.failure == nil && !run.channels.isEmpty {
            // Most batches notify of one run: its set as it is.
            if channels.isEmpty { channels = run.channels } else { channels.formUnion(run.channels) }
        }
        if !channels.isEmpty { try connection.notify(channels) }
    }

    private func rerunIndividually(_ runs: [SQLRun], on connection: any SQLConnection) {
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
