import MartletCore
import Synchronization

/// The body of a job and its suspended caller, whatever its result is.
protocol SQLQueuedBody: AnyObject, Sendable {
    var name: StaticString { get }
    var options: SQLOptions { get }
    /// A run of the body, which has not begun.
    func run() -> SQLRun
    /// Resumes the caller with an error, without running the body.
    func fail(_ error: any Error)
}

/// The body of a job whose result is an `R`.
final class SQLTypedBody<R: Sendable>: SQLQueuedBody {
    let name: StaticString
    let options: SQLOptions
    private let time: any TimeSource
    /// Unsafe: look-ups for the checked one took 3,000 instructions of a transaction; ``isResumed`` checks instead.
    private let continuation: UnsafeContinuation<R, any Error>
    private let isResumed = Atomic<Bool>(false)
    fileprivate let body: @Sendable (borrowing SQLTransaction) throws -> R
    fileprivate let span: SQLSpan

    init(
        _ name: StaticString,
        options: SQLOptions,
        time: any TimeSource,
        resuming continuation: UnsafeContinuation<R, any Error>,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> R
    ) {
        self.name = name
        self.options = options
        self.time = time
        self.continuation = continuation
        self.body = body
        span = SQLSpan(name)
    }

    func run() -> SQLRun { SQLTypedRun(of: self, time: time) }

    func fail(_ error: any Error) {
        span.end(error)
        resumeOnce()
        continuation.resume(throwing: error)
    }

    fileprivate func succeed(_ result: R) {
        resumeOnce()
        continuation.resume(returning: result)
    }

    private func resumeOnce() {
        precondition(!isResumed.exchange(true, ordering: .relaxed), "the caller of a transaction was resumed before")
    }
}

private final class SQLTypedRun<R: Sendable>: SQLRun {
    private let queued: SQLTypedBody<R>
    private var result: R?

    init(of queued: SQLTypedBody<R>, time: any TimeSource) {
        self.queued = queued
        super.init(of: SQLJob(queued), deadline: queued.options.deadline, time: time)
    }

    override func run(on connection: any SQLConnection) {
        queued.span.run(on: connection) {
            run(on: connection) { tx in result = try queued.body(tx) }
        }
    }

    override func resume(_ error: (any Error)?) {
        guard let error = error ?? failure else {
            guard let result else { preconditionFailure("a transaction was committed before its body ran") }
            queued.span.end(nil)
            committed()
            return queued.succeed(result)
        }
        queued.fail(error)
    }
}
