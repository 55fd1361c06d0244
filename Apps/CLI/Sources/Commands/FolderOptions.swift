import ArgumentParser
import Foundation

/// Which shop is meant: by the folder in which its data lie.
struct FolderOptions: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: ArgumentHelp(
            "The data folder.",
            discussion: "Also by MARTLET_DATA. (default: \(DataFolder.preset))",
            valueName: "folder"
        ),
        completion: .directory
    )
    var path: String?

    var folder: DataFolder {
        let variable = ProcessInfo.processInfo.environment["MARTLET_DATA"].flatMap { $0.isEmpty ? nil : $0 }
        return DataFolder(path ?? variable ?? DataFolder.preset)
    }
}

extension AsyncParsableCommand {
    /// Runs `body`; a failure is told in one line on standard error and ends the process with its status.
    func reporting(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as CommandFailure {
            // As the parser of arguments says it.
            Terminal().note("Error: \(failure.description)")
            throw failure.status
        }
    }
}
