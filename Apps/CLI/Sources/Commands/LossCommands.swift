import ArgumentParser
import Console
import MartletCore
import MartletEventLog
import MartletHost
import SwiftProtobuf

struct RemoveGroupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove-group",
        abstract: "Forgets a consumer group whose service does not exist any more.",
        discussion: """
            The event log keeps events that a group has not acknowledged, so a group that never returns makes it \
            grow. The group must have no member: stop its service first, or it declares the group again. What it has \
            not acknowledged is stored as a loss: see `martlet events losses`.

            Example:
              martlet events remove-group --group GROUP --topic TOPIC \\
                --reason "renamed in 2.0"
            """
    )

    @OptionGroup var data: FolderOptions
    @OptionGroup var why: ReasonOptions

    @Option(help: "The group.")
    var group: String

    @Option(help: "Its topic.")
    var topic: String

    func run() async throws {
        try await reporting {
            var request = RemoveGroupRequest()
            request.group = group
            request.topic = topic
            request.reason = why.reason
            let lost = try await LogConnection.with(data.folder) { [request] client, context in
                try await client.removeGroup(request, context: context).lost
            }
            Terminal().note("removed; it had not acknowledged \(lost) events")
        }
    }
}

struct LossesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "losses",
        abstract: "Lists events that a group will not receive.",
        discussion: """
            The event log purges events that a group without members has not acknowledged for long, and forgets those \
            of a group that is removed. When the group has a member again, its service stores each such range of a \
            partition; until then SERVICE is eventlog. A range is listed until an operator confirms it: decide first \
            whether the service has to get the events, for example from the outbox of their publisher.

            Examples:
              martlet events losses
              martlet events losses --all --json
            """
    )

    @OptionGroup var data: FolderOptions

    @Option(help: ArgumentHelp("Only this service; eventlog for what no service has stored.", valueName: "name"))
    var service: String?

    @Flag(help: "Those that were confirmed, too.")
    var all = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let list = try await LossList(of: data.folder, only: service, confirmed: all)
            if json {
                try terminal.json(Losses(losses: list.losses, missing: list.missing))
            } else {
                write(list.losses, terminal)
            }
            if !list.missing.isEmpty { throw CommandStatus.failed }
        }
    }

    private struct Losses: Encodable {
        let losses: [Loss]
        /// What did not respond.
        let missing: [String]
    }

    private func write(_ losses: [Loss], _ terminal: Terminal) {
        if losses.isEmpty { return terminal.line("No group has lost an event.") }
        var table = TextTable(
            "ID",
            "SERVICE",
            "TOPIC",
            "GROUP",
            "PARTITION",
            "OFFSETS",
            "EVENTS",
            "STORED",
            "REASON",
            "CONFIRMED"
        )
        for loss in losses {
            table.add(
                "\(loss.id)",
                "\(loss.service)",
                "\(loss.topic)",
                "\(loss.group)",
                "\(loss.partition)",
                "\(loss.first)-\(loss.last)",
                "\(loss.events)",
                "\(loss.firstStoredAt) to \(loss.lastStoredAt)",
                "\(loss.reason)",
                "\(loss.confirmedBy ?? "no")"
            )
        }
        table.write(to: terminal)
    }
}

struct ConfirmLossCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm-loss",
        abstract: "Records that a loss is known.",
        discussion: """
            The events stay lost; the loss is no longer listed or counted. The reason is stored in the audit trail.

            Example:
              martlet events confirm-loss 3 --service NAME --reason "off in May"
            """
    )

    @Argument(help: "The loss's id, from `losses`.")
    var id: Int64

    @OptionGroup var data: FolderOptions

    @Option(help: ArgumentHelp("Its service, from `losses`; needed when several have the id.", valueName: "name"))
    var service: String?

    @OptionGroup var why: ReasonOptions

    func validate() throws {
        guard id >= 1 else { throw ValidationError("An id is at least 1.") }
    }

    func run() async throws {
        try await reporting {
            let list = try await LossList(of: data.folder, only: service, confirmed: true)
            let owners = list.losses.filter { $0.id == id }.map(\.service)
            guard let owner = owners.first else { throw CommandFailure("there is no loss \(id)") }
            guard owners.count == 1 else {
                throw CommandFailure("\(owners.joined(separator: ", ")) each have a loss \(id): give --service")
            }
            if owner == LogStatus.service { try await confirmInLog() } else { try await confirm(in: owner) }
            Terminal().note("confirmed in \(owner)")
        }
    }

    private func confirm(in owner: String) async throws {
        let client = try await OperatorClient.open(data.folder, only: owner)
        let request = ConfirmGroupLossRequest.with {
            $0.id = id
            $0.reason = why.reason
        }
        _ = try await client.find { try await $0.calls.confirmGroupLoss(request, context: $0.context) }
    }

    private func confirmInLog() async throws {
        var request = ConfirmLossRequest()
        request.id = id
        request.reason = why.reason
        try await LogConnection.with(data.folder) { [request] client, context in
            _ = try await client.confirmLoss(request, context: context)
        }
    }
}
