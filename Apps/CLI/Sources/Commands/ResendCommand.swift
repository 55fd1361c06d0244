import ArgumentParser
import Console
import MartletCore
import MartletHost
import SwiftProtobuf

struct ResendCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resend",
        abstract: "Has a service publish events again that the event log has lost.",
        discussion: """
            A service keeps its published events for a week, or as long as their topic declares. `start` has it publish those of a time, a topic or a key \
            again, at a rate of their own: new events are not delayed. Consumers drop what they have handled, so a \
            repeat does no harm.

            Examples:
              martlet resend start --service NAME --since 26h --reason "the log of Monday"
              martlet resend start --service NAME --since 2026-01-31T00:00:00Z \\
                --topic TOPIC --key KEY --rate 1000 --reason "the log of Monday"
              martlet resend list
              martlet resend stop 3 --service NAME --reason "started twice"
            """,
        subcommands: [ResendStartCommand.self, ResendListCommand.self, ResendStopCommand.self],
        defaultSubcommand: ResendStartCommand.self
    )
}

/// Selects one running service.
struct PublisherOptions: ParsableArguments {
    @OptionGroup var data: FolderOptions

    @Option(help: ArgumentHelp("The service, by its name in the registry.", valueName: "name"))
    var service: String

    func client() async throws -> OperatorClient { try await OperatorClient.open(data.folder, only: service) }
}

struct ResendStartCommand: AsyncParsableCommand {
    static let ratePreset: UInt32 = 200
    static let rateLimit: UInt32 = 10_000

    static let configuration = CommandConfiguration(
        commandName: "start",
        abstract: "Starts to publish a service's events again.",
        discussion: """
            Returns as soon as the service has recorded the request; `resend list` shows how far it is.

            Example:
              martlet resend start --service NAME --since 26h --reason "the log of Monday"
            """
    )

    @OptionGroup var publisher: PublisherOptions
    @OptionGroup var why: ReasonOptions

    @Option(
        help: ArgumentHelp("Events that were committed since: a time in UTC, or an age, as in 26h.", valueName: "time")
    )
    var since: String

    @Option(help: "Only this topic.")
    var topic: String?

    @Option(help: "Only this key.")
    var key: String?

    @Option(help: "Events a second, from 1 to \(ResendStartCommand.rateLimit).")
    var rate: UInt32 = ResendStartCommand.ratePreset

    func validate() throws {
        guard Timestamp(since) != nil || DurationArgument(argument: since) != nil else {
            throw ValidationError("--since must be a time in UTC, as in 2026-01-31T23:59:59Z, or an age, as in 26h.")
        }
        guard 1...Self.rateLimit ~= rate else {
            throw ValidationError("--rate must be from 1 to \(Self.rateLimit).")
        }
    }

    func run() async throws {
        try await reporting {
            let client = try await publisher.client()
            let age = DurationArgument(argument: since).map { Runtime.system.time.date - $0.duration }
            let request = StartResendRequest.with {
                $0.since = max((age ?? Timestamp(since))?.microseconds ?? 0, 0)
                $0.topic = topic ?? ""
                $0.key = key ?? ""
                $0.rate = rate
                $0.reason = why.reason
            }
            let found = try await client.find { try await $0.calls.startResend(request, context: $0.context) }
            Terminal().note("\(found.service): resend \(found.response.number) is started")
        }
    }
}

struct ResendListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists resends, newest first.",
        discussion: """
            EVENTS counts what was published again so far. Of each service the newest 200 are shown.

            Example:
              martlet resend list --json
            """
    )

    @OptionGroup var services: ServiceOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            struct Listed: Encodable {
                let resends: [ResendRow]
                /// Services that did not respond.
                let missing: [String]
            }
            let terminal = Terminal()
            let client = try await services.client()
            let responses = try await client.queryAll { service in
                try await service.calls.listResends(.init(), context: service.context).resends
                    .map { ResendRow($0, of: service.name) }
            }
            let rows = responses.all.flatMap(\.response)
            if json {
                try terminal.json(Listed(resends: rows, missing: responses.missing))
            } else if rows.isEmpty {
                terminal.line("There are no resends.")
            } else {
                write(rows, terminal)
            }
            try responses.requireComplete()
        }
    }

    private func write(_ rows: [ResendRow], _ terminal: Terminal) {
        var table = TextTable("SERVICE", "NUMBER", "SINCE", "TOPIC", "KEY", "RATE", "STATE", "EVENTS")
        for row in rows {
            table.add(
                "\(row.service)",
                "\(row.number)",
                "\(row.shownSince)",
                "\(row.topic ?? "all")",
                "\(row.key ?? "all")",
                "\(row.rate)",
                "\(row.state)",
                "\(row.events)"
            )
        }
        table.write(to: terminal)
    }
}

struct ResendStopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop",
        abstract: "Stops a resend.",
        discussion: """
            Example:
              martlet resend stop 3 --service NAME --reason "started twice"
            """
    )

    @Argument(help: "Its number, from `resend list`.")
    var number: Int64

    @OptionGroup var publisher: PublisherOptions
    @OptionGroup var why: ReasonOptions

    func run() async throws {
        try await reporting {
            let client = try await publisher.client()
            let request = StopResendRequest.with {
                $0.number = number
                $0.reason = why.reason
            }
            let found = try await client.find { try await $0.calls.stopResend(request, context: $0.context) }
            Terminal().note("\(found.service): resend \(number) is stopped")
        }
    }
}
