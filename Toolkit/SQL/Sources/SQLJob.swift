public import MartletCore

/// A body queued for a runner, with its suspended caller.
///
/// The caller is resumed exactly once.
public struct SQLJob: Sendable {
    /// One run of the body.
    struct Attempt {
        let failure: (any Error)?
        /// What the body's transaction notifies when it commits.
        var channels: Set<SQLChannel> = []
        /// Resumes the caller with the given error, or with the result of this run.
        let resume: ((any Error)?) -> Void
    }

    public let name: StaticString
    let options: SQLOptions
    let attempt: @Sendable (any SQLConnection) -> Attempt
    private let refuse: @Sendable (any Error) -> Void

    /// Carries the trace of the calling task to the thread that runs the body, and begins its span, which lasts until the
    /// caller is resumed.
    public init<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        time: any TimeSource,
        resuming continuation: CheckedContinuation<R, any Error>,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) {
        self.name = name
        self.options = options
        let span = SQLSpan(name)
        refuse = { error in
            span.end(error)
            continuation.resume(throwing: error)
        }
        attempt = { connection in
            let scope = SQLScope(deadline: options.deadline, time: time)
            do {
                let result = try span.run(on: connection) { try scope.run(body, on: connection) }
                return Attempt(failure: nil, channels: scope.channels) { failure in
                    span.end(failure)
                    if let failure { return continuation.resume(throwing: failure) }
                    scope.committed()
                    continuation.resume(returning: result)
                }
            } catch {
                return Attempt(failure: error) { failure in
                    span.end(failure ?? error)
                    continuation.resume(throwing: failure ?? error)
                }
            }
        }
    }

    /// Resumes the caller with an error, without running the body.
    public func fail(_ error: any Error) { refuse(error) }
}

/// Runs bodies: on an adapter's own threads, or on the caller's thread.
public protocol SQLRunner: Sendable {
    /// Accepts the job and resumes its caller exactly once, with an error when it cannot run.
    func submit(_ job: SQLJob)
    /// Accepted jobs that have not started.
    var waiting: Int { get }
    /// Jobs, or batches of them, that run now; 0 where they run on their callers' threads.
    var running: Int { get }
    /// Refuses new jobs and returns when the accepted ones are finished.
    func close() async
}
