package import ArgumentParser

/// The command line's exit statuses; 0 is success.
package enum CommandStatus {
    /// The command failed, or a check found a difference.
    package static let failed = ExitCode(1)
    /// Nothing runs on this data folder.
    package static let notRunning = ExitCode(3)
    /// The system already runs on this data folder.
    package static let alreadyRunning = ExitCode(4)
    /// Invalid arguments or settings.
    package static let usage = ExitCode.validationFailure
}

/// A failure that is reported in one line.
package struct CommandFailure: Error, CustomStringConvertible {
    package let description: String
    package let status: ExitCode

    package init(_ description: String, status: ExitCode = CommandStatus.failed) {
        self.description = description
        self.status = status
    }
}
