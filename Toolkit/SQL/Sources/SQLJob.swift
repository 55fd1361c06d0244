public import MartletCore

/// A body queued for a runner, with its suspended caller.
///
/// The caller is resumed exactly once.
public struct SQLJob: Sendable {
    private let body: any SQLQueuedBody
    /// Whether it only reads, for a runner whose connections do both.
    package let isRead: Bool

    /// Carries the trace of the calling task to the thread that runs the body, and begins its span, which lasts until the
    /// caller is resumed.
    public init<R: Sendable>(
        _ name: StaticString,
        options: SQLOptions,
        isRead: Bool = false,
        time: any TimeSource,
        resuming continuation: UnsafeContinuation<R, any Error>,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) {
        self.isRead = isRead
        self.body = SQLTypedBody(name, options: options, time: time, resuming: continuation, body)
    }

    init(_ body: any SQLQueuedBody) {
        self.body = body
        isRead = false
    }

    public var name: StaticString { body.name }

    var options: SQLOptions { body.options }

    /// A run of the body, which has not begun.
    func run() -> SQLRun { body.run() }

    /// Resumes the caller with an error, without running the body.
    public func fail(_ error: any Error) { body.fail(error) }
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
