import ArgumentParser
import Console

struct GapsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gaps",
        abstract: "Lists missing events; fills them from a file, or gives them up.",
        discussion: """
            An event that the log has lost leaves a gap in its key: later events of the key wait for it, and are parked \
            after their patience. When it comes after all, the gap closes by itself. Otherwise `martlet resend` has its \
            publisher send it again, `fill` supplies it from a file, and `skip` gives it up.

            Examples:
              martlet events gaps list
              martlet events gaps fill --group GROUP --topic TOPIC --key KEY --sequence 7 \\
                --body event.json --reason "from the backup of Monday"
              martlet events gaps skip --group GROUP --topic TOPIC --key KEY \\
                --reason "lost with the log of Monday"
            """,
        subcommands: [GapsListCommand.self, GapsFillCommand.self, GapsSkipCommand.self]
    )
}

/// Selects the gaps of one key.
struct GapOptions: ParsableArguments {
    @Option(help: "The group that waits.")
    var group: String

    @Option(help: "Its topic.")
    var topic: String

    @Option(help: "The key.")
    var key: String

    @Option(help: "Only of this publisher; needed when several publish the key.")
    var source: String?

    @Option(help: "Only of this epoch of the publisher.")
    var epoch: Int64?

    /// - Throws: ``CommandFailure`` when there is none.
    func find(_ client: OperatorClient) async throws -> [Gap] {
        let responses = try await client.gaps(group: group, topic: topic, key: key)
        let gaps = responses.all.flatMap(\.response).filter {
            (source ?? $0.source) == $0.source && (epoch ?? $0.epoch) == $0.epoch
        }
        guard !gaps.isEmpty else { throw CommandFailure("nothing is missing of the key \(key) there") }
        return gaps
    }
}

struct GapsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the sequences that keys miss.",
        discussion: """
            STATE is `parked` when the events behind are parked, `waiting` while they are redelivered until their \
            patience ends, and `returned` for an event that was received and waits for its next delivery.

            Example:
              martlet events gaps list --group GROUP --json
            """
    )

    @OptionGroup var services: ServiceOptions

    @Option(help: "Only this group.")
    var group: String?

    @Option(help: "Only this topic.")
    var topic: String?

    @Option(help: "Only this key.")
    var key: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let client = try await services.client()
            let responses = try await client.gaps(group: group, topic: topic, key: key)
            let gaps = responses.all.flatMap(\.response)
            if json {
                try terminal.json(Gaps(gaps: gaps, missing: responses.missing))
            } else {
                write(gaps, terminal)
            }
            try responses.requireComplete()
        }
    }

    private struct Gaps: Encodable {
        let gaps: [Gap]
        /// Services that did not respond.
        let missing: [String]
    }

    private func write(_ gaps: [Gap], _ terminal: Terminal) {
        if gaps.isEmpty { return terminal.line("Nothing is missing.") }
        var table = TextTable("SERVICE", "GROUP", "TOPIC", "KEY", "SOURCE", "EPOCH", "SEQUENCES", "STATE", "SINCE")
        for gap in gaps {
            table.add(
                "\(gap.service)",
                "\(gap.group)",
                "\(gap.topic)",
                "\(gap.key)",
                "\(gap.source)",
                "\(gap.epoch)",
                "\(gap.sequences)",
                "\(gap.state)",
                "\(gap.since)"
            )
        }
        table.write(to: terminal)
    }
}
