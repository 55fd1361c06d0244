import ArgumentParser
import Console
import Foundation
import FoundationEssentials
import MartletCore
import MartletHost
import SwiftProtobuf

struct LateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "late",
        abstract: "Lists late events; handles or dismisses them one by one.",
        discussion: """
            An event is late when its key has continued without it: its sequence was skipped, or its publisher was \
            restored and a newer epoch has begun. It blocks nothing, and is handled only when an operator names it.

            Examples:
              martlet events late list
              martlet events late show ID --group GROUP --topic TOPIC
              martlet events late redrive ID --group GROUP --topic TOPIC \\
                --reason "checked by hand"
              martlet events late dismiss ID --group GROUP --topic TOPIC \\
                --reason "entered again by hand"
            """,
        subcommands: [
            LateListCommand.self, LateShowCommand.self, LateRedriveCommand.self, LateDismissCommand.self,
        ]
    )
}

/// A late event, as printed.
struct LateEvent: Encodable {
    let service: String
    let id: String
    let group: String
    let topic: String
    let key: String
    let source: String
    let epoch: Int64
    let sequence: Int64
    /// late or redriving.
    let state: String
    let attempts: Int32
    let error: String
    let publishedAt: String
    let receivedAt: String
    /// The topic's protobuf message as JSON; `nil` in lists and for bytes that the service cannot decode.
    let body: String?
    /// The bytes in base64; `nil` in lists.
    let bodyBytes: String?

    init(_ record: LateMessageRecord, of service: String) {
        self.service = service
        id = record.id
        group = record.group
        topic = record.topic
        key = record.key
        source = record.source
        epoch = record.epoch
        sequence = record.sequence
        state = record.state
        attempts = record.attempts
        error = record.error
        publishedAt = Timestamp(microseconds: record.publishedAt).description
        receivedAt = Timestamp(microseconds: record.receivedAt).description
        body = record.bodyJson.isEmpty ? nil : record.bodyJson
        bodyBytes = record.body.isEmpty ? nil : record.body.base64EncodedString()
    }
}

struct LateListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists the late events that wait for an operator.",
        discussion: """
            Example:
              martlet events late list --group GROUP --json
            """
    )

    @OptionGroup var services: ServiceOptions

    @Option(help: "Only this group.")
    var group: String?

    @Option(help: "Only this topic.")
    var topic: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let client = try await services.client()
            let responses = try await client.queryAll { try await lateEvents(of: $0) }
            let events = responses.all.flatMap(\.response)
            if json {
                try terminal.json(LateEvents(events: events, missing: responses.missing))
            } else {
                write(events, terminal)
            }
            try responses.requireComplete()
        }
    }

    private struct LateEvents: Encodable {
        let events: [LateEvent]
        /// Services that did not respond.
        let missing: [String]
    }

    private func lateEvents(of service: OperatorClient.Service) async throws -> [LateEvent] {
        var records: [LateMessageRecord] = []
        while records.count < OperatorClient.keysLimit {
            let request = ListLateMessagesRequest.with {
                $0.afterReceivedAt = records.last?.receivedAt ?? 0
                $0.afterGroup = records.last?.group ?? ""
                $0.afterTopic = records.last?.topic ?? ""
                $0.afterID = records.last?.id ?? ""
            }
            let page = try await service.calls.listLateMessages(request, context: service.context).messages
            if page.isEmpty { break }
            records += page
        }
        return records.filter { (group ?? $0.group) == $0.group && (topic ?? $0.topic) == $0.topic }
            .map { LateEvent($0, of: service.name) }
    }

    private func write(_ events: [LateEvent], _ terminal: Terminal) {
        if events.isEmpty { return terminal.line("No event is late.") }
        var table = TextTable("SERVICE", "GROUP", "ID", "RECEIVED", "STATE", "ERROR")
        for event in events {
            table.add(
                "\(event.service)",
                "\(event.group)",
                "\(event.id)",
                "\(event.receivedAt)",
                "\(event.state)",
                "\(event.error)"
            )
        }
        table.write(to: terminal)
    }
}

struct LateShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows one late event with its body.",
        discussion: """
            The body is the topic's message as JSON, or base64 when it cannot be decoded.

            Example:
              martlet events late show ID --group GROUP --topic TOPIC
            """
    )

    @Argument(help: "The event's id, from `late list`.")
    var id: String

    @OptionGroup var services: ServiceOptions
    @OptionGroup var consumer: GroupOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let client = try await services.client()
            let request = ShowLateMessageRequest.with {
                $0.group = consumer.group
                $0.topic = consumer.topic
                $0.id = id
            }
            let found = try await client.find { try await $0.calls.showLateMessage(request, context: $0.context) }
            let event = LateEvent(found.response.message, of: found.service)
            if json { return try terminal.json(event) }
            let rows = [
                ("event", event.id), ("service", event.service), ("group", event.group), ("topic", event.topic),
                ("key", event.key), ("source", event.source), ("epoch", "\(event.epoch)"),
                ("sequence", "\(event.sequence)"), ("published", event.publishedAt), ("received", event.receivedAt),
                ("state", event.state), ("error", event.error), ("body", event.body ?? event.bodyBytes ?? ""),
            ]
            for (name, value) in rows {
                let label = name + String(repeating: " ", count: 10 - name.count)
                terminal.line("\(terminal.styled(label, .bold)) \(value)")
            }
        }
    }
}

struct LateRedriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract: "Handles one late event, out of the order of its key.",
        discussion: """
            Returns as soon as the service has recorded the request. When the handler fails, the event waits again, \
            with the error in `late list`.

            Example:
              martlet events late redrive ID --group GROUP --topic TOPIC \\
                --reason "checked by hand"
            """
    )

    @Argument(help: "The event's id, from `late list`.")
    var id: String

    @OptionGroup var services: ServiceOptions
    @OptionGroup var consumer: GroupOptions
    @OptionGroup var why: ReasonOptions

    func run() async throws {
        try await reporting {
            let client = try await services.client()
            let request = RedriveLateMessageRequest.with {
                $0.group = consumer.group
                $0.topic = consumer.topic
                $0.id = id
                $0.reason = why.reason
            }
            let found = try await client.find {
                try await $0.calls.redriveLateMessage(request, context: $0.context)
            }
            Terminal().note("\(found.service) handles it")
        }
    }
}

struct LateDismissCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dismiss",
        abstract: "Decides that one late event is never handled.",
        discussion: """
            This cannot be undone; the body is stored in the audit trail.

            Example:
              martlet events late dismiss ID --group GROUP --topic TOPIC \\
                --reason "entered again by hand"
            """
    )

    @Argument(help: "The event's id, from `late list`.")
    var id: String

    @OptionGroup var services: ServiceOptions
    @OptionGroup var consumer: GroupOptions
    @OptionGroup var why: ReasonOptions

    func run() async throws {
        try await reporting {
            let client = try await services.client()
            let request = DismissLateMessageRequest.with {
                $0.group = consumer.group
                $0.topic = consumer.topic
                $0.id = id
                $0.reason = why.reason
            }
            let found = try await client.find {
                try await $0.calls.dismissLateMessage(request, context: $0.context)
            }
            Terminal().note("dismissed in \(found.service)")
        }
    }
}
