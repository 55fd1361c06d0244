import ArgumentParser
import Console
import MartletCore
import MartletSecurity

struct KeysRotateCommand: AsyncParsableCommand {
    static let pollInterval = Duration.milliseconds(100)

    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Replaces the key that signs tokens, without a restart.",
        discussion: """
            The running \(Topology.systemName) does it: it publishes a new key, signs with it after a few seconds, mints \
            the services' tokens anew, and withdraws the old key when the last token ends that `martlet token` has \
            printed. No request fails meanwhile. The state is in the data folder: after a kill of any process, the next \
            `martlet up` continues, and a repeat of this command joins the rotation that is under way. With --end-tokens, \
            while the new key signs already, that key is replaced, too: it may be the one that has leaked.

            The command returns when the new key signs; with --wait, when the old one is withdrawn.

            Examples:
              martlet keys rotate
              martlet keys rotate --end-tokens --wait   # after a leak
            """
    )

    @OptionGroup var data: FolderOptions

    @Flag(help: "Wait until the old key is withdrawn.")
    var wait = false

    @Flag(help: "Withdraw the old key before the tokens of users and operators end that it has signed.")
    var endTokens = false

    func run() async throws {
        try await reporting {
            let folder = data.folder
            let time = SystemTime()
            let terminal = Terminal()
            // Reports what is wrong with a folder without keys.
            _ = try await LocalKeys(folder: folder, time: time).existingIssuer()
            try Self.requireRunning(folder)
            try KeyRotator.request(in: folder.keys, endsTokens: endTokens)
            var shown: KeyRotation.Phase?
            while true {
                let hasRequest = KeyRotator.hasRequest(in: folder.keys)
                let rotation = try KeyRotation.read(in: folder.keys)
                if let rotation, rotation.phase != shown, !hasRequest {
                    shown = rotation.phase
                    try show(rotation, in: folder, on: terminal)
                    if rotation.phase == .signed, !wait { return }
                }
                if rotation == nil, !hasRequest {
                    terminal.note("the old key is withdrawn")
                    return
                }
                try Self.requireRunning(folder)
                try await time.sleep(for: Self.pollInterval)
            }
        }
    }

    private func show(_ rotation: KeyRotation, in folder: DataFolder, on terminal: Terminal) throws {
        switch rotation.phase {
        case .publishing: break
        case .published: terminal.note("the new key \(rotation.newKey) is published")
        case .signing: terminal.note("the new key signs")
        case .signed:
            let end = try KeyRotator.lastEnd(of: rotation.oldKey, in: folder.keys)
            let until = rotation.endsTokens ? "when services have their new tokens" : "\(rotation.withdrawal(end: end))"
            terminal.note("services have new tokens; the old key \(rotation.oldKey) is withdrawn after: \(until)")
        case .withdrawing: terminal.note("the old key is being withdrawn")
        }
    }

    /// - Throws: ``CommandFailure`` when no supervisor runs, which would do the work.
    private static func requireRunning(_ folder: DataFolder) throws(CommandFailure) {
        guard FolderLock.isHeld(folder) else {
            throw CommandFailure(
                "nothing runs on \(folder.path): a rotation that was begun continues with `martlet up`",
                status: CommandStatus.notRunning
            )
        }
    }
}
