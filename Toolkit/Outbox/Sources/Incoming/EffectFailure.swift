import MartletSQL

/// The effect of one event of a batch failed, and it is the event's or the effect's fault.
struct EffectFailure: Error {
    /// Which event of the batch.
    let index: Int
    /// The error's type, which may be logged.
    let kind: String
    /// The error's text, which may hold data of the event: for the table of parked events only.
    let text: String

    init(_ error: any Error, index: Int) {
        self.index = index
        kind = "\(type(of: error))"
        text = "\(error)"
    }

    /// The error itself when only the moment is to blame for it, a failure of the effect otherwise.
    static func wrapping(_ error: any Error, index: Int) -> any Error {
        isPassing(error) ? error : EffectFailure(error, index: index)
    }

    /// Whether another try may succeed without anybody mending anything: such failures are not counted.
    ///
    /// What an effect itself throws is never one, whatever it says: it may say the same for ever.
    static func isPassing(_ error: any Error) -> Bool {
        switch error {
        case let error as SQLError: error.isPassing
        default: error is OutboxFull || error is CancellationError
        }
    }
}
