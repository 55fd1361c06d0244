import ArgumentParser
import Console
import MartletCore
import MartletEventLog

struct RemoveGroupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove-group",
        abstract: "Forgets a consumer group whose service does not exist any more.",
        discussion: """
            The event log keeps events that a group has not acknowledged, so a group that never returns makes it \
            grow. The group must have no member: stop its service first, or it declares the group again. What it has \
            not acknowledged is booked as a loss: see `martlet events losses`.

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
            let lost = try await LogConnection.with(data.folder, as: .operators) { [request] client, context in
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
            of a group that is removed. Each such range of a partition is listed until an operator confirms it: decide \
            first whether the service has to get them, for example from the outbox of their publisher.

            Examples:
              martlet events losses
              martlet events losses --all --json
            """
    )

    @OptionGroup var data: FolderOptions

    @Flag(help: "Those that were confirmed, too.")
    var all = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let losses = try await LogConnection.with(data.folder, as: .operators) { client, context in
                var losses: [LossRecord] = []
                while true {
                    var request = ListLossesRequest()
                    request.afterID = losses.last?.id ?? 0
                    request.confirmed = all
                    let page = try await client.listLosses(request, context: context).losses
                    if page.isEmpty { return losses }
                    losses += page
                }
            }
            let rows = losses.map { LossRow($0) }
            if json { return try terminal.json(["losses": rows]) }
            if rows.isEmpty { return terminal.line("No group has lost an event.") }
            var table = TextTable(
                "ID",
                "TOPIC",
                "GROUP",
                "PARTITION",
                "OFFSETS",
                "EVENTS",
                "STORED",
                "REASON",
                "CONFIRMED"
            )
            for row in rows {
                table.add(
                    "\(row.id)",
                    "\(row.topic)",
                    "\(row.group)",
                    "\(row.partition)",
                    "\(row.first)-\(row.last)",
                    "\(row.events)",
                    "\(row.firstStoredAt) to \(row.lastStoredAt)",
                    "\(row.reason)",
                    "\(row.confirmedBy ?? "no")"
                )
            }
            table.write(to: terminal)
        }
    }
}

/// A range of events that a group will not receive, as printed.
private struct LossRow: Encodable {
    let id: Int64
    let topic: String
    let group: String
    let partition: Int32
    let first: Int64
    let last: Int64
    let events: Int64
    /// `purged` or `removed`.
    let reason: String
    let firstStoredAt: String
    let lastStoredAt: String
    let bookedAt: String
    let confirmedAt: String?
    let confirmedBy: String?

    init(_ record: LossRecord) {
        id = record.id
        topic = record.topic
        group = record.group
        partition = record.partition
        first = record.first
        last = record.last
        events = record.events
        reason = record.reason
        firstStoredAt = Timestamp(microseconds: record.firstStoredAt).description
        lastStoredAt = Timestamp(microseconds: record.lastStoredAt).description
        bookedAt = Timestamp(microseconds: record.bookedAt).description
        confirmedAt = record.confirmedAt == 0 ? nil : Timestamp(microseconds: record.confirmedAt).description
        confirmedBy = record.confirmedAt == 0 ? nil : record.confirmedBy
    }
}

struct ConfirmLossCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "confirm-loss",
        abstract: "Records that a loss is known.",
        discussion: """
            The events stay lost; the loss is no longer listed or counted. The reason is stored in the audit trail.

            Example:
              martlet events confirm-loss 3 --reason "the service was switched off in May"
            """
    )

    @Argument(help: "The loss's id, from `losses`.")
    var id: Int64

    @OptionGroup var data: FolderOptions
    @OptionGroup var why: ReasonOptions

    func validate() throws {
        guard id >= 1 else { throw ValidationError("An id is at least 1.") }
    }

    func run() async throws {
        try await reporting {
            var request = ConfirmLossRequest()
            request.id = id
            request.reason = why.reason
            try await LogConnection.with(data.folder, as: .operators) { [request] client, context in
                _ = try await client.confirmLoss(request, context: context)
            }
            Terminal().note("confirmed")
        }
    }
}
