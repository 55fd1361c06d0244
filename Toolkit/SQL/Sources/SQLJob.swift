public import MartletCore

/// A body on its way to a runner, with the caller who waits for its answer.
///
/// It is answered exactly once.
public struct SQLJob: Sendable {
    /// One run of the body.
    struct Attempt {
        let failure: (any Error)?
        /// Answers the caller: with the given error, or with what this run came to.
        let answer: ((any Error)?) -> Void
    }

    public let name: StaticString
    let attempt: @Sendable (any SQLConnection) -> Attempt
    private let refuse: @Sendable (any Error) -> Void

    /// The trace of the calling task goes with the body, which may run on another thread.
    public init<R: Sendable>(
        _ name: StaticString,
        deadline: Moment?,
        time: any TimeSource,
        answer continuation: CheckedContinuation<R, any Error>,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) {
        self.name = name
        let trace = TraceContext.current
        refuse = { continuation.resume(throwing: $0) }
        attempt = { connection in
            let scope = SQLScope(deadline: deadline, time: time)
            do {
                let result = try TraceContext.$current.withValue(trace) { try scope.run(body, on: connection) }
                return Attempt(failure: nil) { failure in
                    if let failure { return continuation.resume(throwing: failure) }
                    scope.committed()
                    continuation.resume(returning: result)
                }
            } catch {
                return Attempt(failure: error) { continuation.resume(throwing: $0 ?? error) }
            }
        }
    }

    /// Answers the caller without running the body.
    public func fail(_ error: any Error) { refuse(error) }
}

/// Who runs bodies: an adapter's own threads, or the thread where the caller stands.
public protocol SQLRunner: Sendable {
    /// Takes the job and sees to it that it is answered exactly once, with an error when it cannot run.
    func submit(_ job: SQLJob)
    /// Jobs that were taken and have not begun.
    var waiting: Int { get }
    /// Refuses new jobs and returns when those that were taken have been answered.
    func close() async
}
