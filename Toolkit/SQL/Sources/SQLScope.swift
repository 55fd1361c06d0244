public import MartletCore

/// The state of one run of a body: its deadline, its first error, its deferred work.
///
/// Confined to the runner's thread.
public final class SQLScope {
    let deadline: Moment?
    private let time: any TimeSource
    private var firstError: (any Error)?
    private var works: [(type: ObjectIdentifier, work: any SQLDeferredWork)] = []
    private var actions: [@Sendable () -> Void] = []
    /// What is notified when the transaction commits.
    private(set) var channels: Set<SQLChannel> = []

    public init(deadline: Moment?, time: any TimeSource) {
        self.deadline = deadline
        self.time = time
    }

    /// Runs `body`, then flushes what it deferred.
    ///
    /// - Throws: The body's error, or the first ``SQLError`` even when the body swallowed it; `Fault` with
    ///   `deadlineExceeded`, before the body too.
    public func run<R>(
        _ body: (borrowing SQLTransaction) throws -> R,
        on connection: any SQLConnection
    ) throws -> R {
        try check()
        let tx = SQLTransaction(connection, self)
        let result = try body(tx)
        if let firstError { throw firstError }
        // By index: one work's flush may defer another.
        var next = 0
        while next < works.count {
            try works[next].work.flush(in: tx)
            next += 1
        }
        if let firstError { throw firstError }
        return result
    }

    /// Called by the runner once the commit is durable.
    public func committed() {
        for action in actions { action() }
        actions = []
    }

    func check() throws {
        if let firstError { throw firstError }
        if let deadline, time.now >= deadline { throw Fault.deadlineExceeded }
    }

    /// The error of an interrupted statement as its caller sees it: when its own deadline has passed, that one.
    func atDeadline(_ error: any Error) -> any Error {
        guard (error as? SQLError)?.kind == .interrupted, let deadline, time.now >= deadline else { return error }
        return Fault.deadlineExceeded
    }

    func doom(_ error: any Error) {
        if firstError == nil { firstError = error }
    }

    func deferred<Work: SQLDeferredWork>(_ make: () -> Work) -> Work {
        let type = ObjectIdentifier(Work.self)
        if let known = works.first(where: { $0.type == type })?.work as? Work { return known }
        let work = make()
        works.append((type, work))
        return work
    }

    func afterCommit(_ action: @escaping @Sendable () -> Void) { actions.append(action) }

    func notify(_ channel: SQLChannel) { channels.insert(channel) }
}
