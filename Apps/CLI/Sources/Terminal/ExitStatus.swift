import ArgumentParser

/// The command line's exit statuses; 0 is success.
enum ExitStatus {
    /// The command failed, or a check found a difference.
    static let failed = ExitCode(1)
    /// No shop runs on this data folder.
    static let notRunning = ExitCode(3)
    /// A shop already runs on this data folder.
    static let alreadyRunning = ExitCode(4)
    /// Invalid arguments or settings.
    static let usage = ExitCode.validationFailure
}

/// A failure that is reported in one line.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
    let status: ExitCode

    init(_ description: String, status: ExitCode = ExitStatus.failed) {
        self.description = description
        self.status = status
    }
}
