package import ArgumentParser
import Foundation
import MartletHost

/// Selects a running system by its data folder.
package struct FolderOptions: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: ArgumentHelp(
            "The data folder.",
            discussion: "Also set by MARTLET_DATA. (default: \(DataFolder.preset))",
            valueName: "folder"
        ),
        completion: .directory
    )
    package var path: String?

    package init() {}

    package var folder: DataFolder {
        let variable = ProcessInfo.processInfo.environment["MARTLET_DATA"].flatMap { $0.isEmpty ? nil : $0 }
        return DataFolder(path ?? variable ?? DataFolder.preset)
    }
}

extension AsyncParsableCommand {
    /// Runs `body`; prints a failure in one line on standard error and exits with its status.
    ///
    /// Errors of Foundation, whose descriptions are dumps, are printed in plain words.
    package func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as CommandFailure {
            // In the argument parser's format.
            Terminal().note("Error: \(failure.description)")
            throw failure.status
        } catch let error where ErrorText.isDump(error) {
            Terminal().note("Error: \(ErrorText.plain(error))")
            throw CommandStatus.failed
        }
    }
}
