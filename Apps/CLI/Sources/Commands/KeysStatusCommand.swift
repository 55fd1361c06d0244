import ArgumentParser
import Console
import MartletCore
import MartletSecurity

struct KeysStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Shows which key signs tokens, and how far a rotation is.",
        discussion: """
            Example:
              martlet keys status --json | jq -r .phase
            """
    )

    @OptionGroup var data: FolderOptions

    @Flag(help: "Print JSON.")
    var json = false

    private struct Report: Encodable {
        /// The id of the key that signs.
        let signs: String
        /// The phase of a rotation; `null` when there is none.
        let phase: String?
        /// The key that is withdrawn by the rotation.
        let old: String?
        /// The key that replaces it.
        let new: String?
        /// When the old key may be withdrawn at the earliest, in RFC 3339.
        let withdrawnAfter: String?
    }

    func run() async throws {
        try await reporting {
            let folder = data.folder
            let terminal = Terminal()
            let issuer = try await LocalKeys(folder: folder, time: SystemTime()).existingIssuer()
            let rotation = try KeyRotation.read(in: folder.keys)
            let end = try rotation.flatMap { try KeyRotator.lastEnd(of: $0.oldKey, in: folder.keys) }
            let report = Report(
                signs: issuer.signingKey,
                phase: rotation?.phase.rawValue,
                old: rotation?.oldKey,
                new: rotation?.newKey,
                withdrawnAfter: rotation.flatMap { $0.endsTokens ? nil : "\($0.withdrawal(end: end))" }
            )
            if json { return try terminal.json(report) }
            terminal.line("signs  \(report.signs)")
            guard let rotation else { return terminal.line("no rotation is under way") }
            terminal.line("rotation  \(rotation.phase.rawValue) since \(rotation.since)")
            terminal.line("old key  \(rotation.oldKey)")
            terminal.line("new key  \(rotation.newKey)")
            if let after = report.withdrawnAfter { terminal.line("the old key is withdrawn after  \(after)") }
        }
    }
}
