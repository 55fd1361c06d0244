import ArgumentParser

/// What the command line's exit statuses mean; 0 is success.
enum ExitStatus {
    /// What was asked could not be done, or a check found a difference.
    static let failed = ExitCode(1)
    /// Nothing runs on this data folder.
    static let notRunning = ExitCode(3)
    /// Something runs on this data folder already.
    static let alreadyRunning = ExitCode(4)
    /// What was asked makes no sense.
    static let usage = ExitCode.validationFailure
}

/// A failure that is told in one line.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    let status: ExitCode

    init(_ description: String, status: ExitCode = ExitStatus.failed) {
        self.description = description
        self.status = status
    }
}
