import MartletCore

/// One run of a job's body: its deadline, its first error, its deferred work, and at its end its outcome.
///
/// Confined to the runner's thread. One object for all of it instead of closures: 8 allocations less for a
/// transaction.
class SQLRun {
    let job: SQLJob
    let deadline: Moment?
    private let time: any TimeSource
    /// Why the body's work cannot be committed; `nil` when it can.
    var failure: (any Error)?
    /// What is notified when the transaction commits.
    private(set) var channels: Set<SQLChannel> = []
    private var firstError: (any Error)?
    private var works: [(type: ObjectIdentifier, work: any SQLDeferredWork)] = []
    private var actions: [@Sendable () -> Void] = []

    init(of job: SQLJob, deadline: Moment?, time: any TimeSource) {
        self.job = job
        self.deadline = deadline
        self.time = time
    }

    /// Runs the body, then flushes what it deferred.
    ///
    /// Then ``failure`` is the body's error, or the first ``SQLError`` even when the body swallowed it; `Fault` with
    /// `deadlineExceeded`, before the body too.
    func run(on connection: any SQLConnection) { preconditionFailure("overridden") }

    /// Resumes the caller with the given error; without one, with the outcome of this run.
    ///
    /// Called when nothing can change the outcome any more: without an error, once the commit is durable.
    func resume(_ error: (any Error)? = nil) { preconditionFailure("overridden") }

    final func run(on connection: any SQLConnection, _ body: (borrowing SQLTransaction) throws -> Void) {
        do {
            try check()
            let tx = SQLTransaction(connection, self)
            try body(tx)
            if let firstError { throw firstError }
            // By index: one work's flush may defer another.
            var next = 0
            while next < works.count {
                try works[next].work.flush(in: tx)
                next += 1
            }
            if let firstError { throw firstError }
        } catch {
            failure = error
        }
    }

    final func committed() {
        for action in actions { action() }
        actions = []
    }

    final func check() throws {
        if let firstError { throw firstError }
        if let deadline, time.now >= deadline { throw Fault.deadlineExceeded }
    }

    /// The error of an interrupted statement as its caller sees it: when its own deadline has passed, that one.
    final func atDeadline(_ error: any Error) -> any Error {
        guard (error as? SQLError)?.kind == .interrupted, let deadline, time.now >= deadline else { return error }
        return Fault.deadlineExceeded
    }

    final func doom(_ error: any Error) {
        if firstError == nil { firstError = error }
    }

    final func deferred<Work: SQLDeferredWork>(_ make: () -> Work) -> Work {
        let type = ObjectIdentifier(Work.self)
        if let known = works.first(where: { $0.type == type })?.work as? Work { return known }
        let work = make()
        works.append((type, work))
        return work
    }

    final func afterCommit(_ action: @escaping @Sendable () -> Void) { actions.append(action) }

    final func notify(_ channel: SQLChannel) { channels.insert(channel) }
}
