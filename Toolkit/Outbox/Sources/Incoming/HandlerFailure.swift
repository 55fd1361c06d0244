import MartletSQL

/// The handler failed on one event of a batch, with an error that is not transient.
struct HandlerFailure: Error {
    /// The event's index in the batch.
    let index: Int
    /// The error's type, which may be logged.
    let kind: String
    /// The error's text: may contain event data, so it is stored with the parked event and never logged.
    let text: String

    init(_ error: any Error, index: Int) {
        self.index = index
        kind = "\(type(of: error))"
        text = "\(error)"
    }

    /// The error itself when it is transient, a handler failure otherwise.
    static func wrapping(_ error: any Error, index: Int) -> any Error {
        isTransient(error) ? error : HandlerFailure(error, index: index)
    }

    /// Whether an error of a whole batch may end when its events are handled one by one.
    ///
    /// A batch may lose to shorter transactions in all its attempts: one event touches fewer rows, and for a shorter time.
    static func isOfBatch(_ error: any Error, events: Int) -> Bool {
        !isTransient(error) || events > 1 && (error as? SQLError)?.kind == .conflict
    }

    /// Whether a retry may succeed without a fix: transient failures are not counted as attempts.
    ///
    /// An error of the handler's own is never transient, whatever its code: the handler may throw it forever.
    static func isTransient(_ error: any Error) -> Bool {
        switch error {
        case let error as SQLError: error.isTransient
        default: error is OutboxFull || error is CancellationError
        }
    }
}
