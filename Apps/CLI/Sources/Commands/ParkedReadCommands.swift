import ArgumentParser
import Console
import Foundation
import FoundationEssentials
import MartletCore
import MartletHost
import SwiftProtobuf

/// A parked event, as printed.
struct ParkedEvent: Encodable {
    let service: String
    let id: String
    let group: String
    let topic: String
    let key: String
    let source: String
    let sequence: Int64
    let attempts: Int32
    let error: String
    let publishedAt: String
    let parkedAt: String
    /// The topic's protobuf message as JSON; `nil` in lists and for bytes that the service cannot decode.
    let body: String?
    /// The bytes in base64; `nil` in lists.
    let bodyBytes: String?

    init(_ record: ParkedMessageRecord, of service: String) {
        self.service = service
        id = record.id
        group = record.group
        topic = record.topic
        key = record.key
        source = record.source
        sequence = record.sequence
        attempts = record.attempts
        error = record.error
        publishedAt = Timestamp(microseconds: record.publishedAt).description
        parkedAt = Timestamp(microseconds: record.parkedAt).description
        body = record.bodyJson.isEmpty ? nil : record.bodyJson
        bodyBytes = record.body.isEmpty ? nil : record.body.base64EncodedString()
    }
}

extension OperatorClient {
    /// The parked events of one key, in order.
    func parked(group: String, topic: String, key: String) async throws -> Responses<[ParkedEvent]> {
        let request = ListParkedMessagesRequest.with {
            $0.group = group
            $0.topic = topic
            $0.key = key
        }
        return try await queryAll { service in
            try await service.calls.listParkedMessages(request, context: service.context).messages
                .map { ParkedEvent($0, of: service.name) }
        }
    }
}

struct ParkedListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists parked keys, or the events of one key.",
        discussion: """
            With --key: ATTEMPTS counts failed attempts; it is 0 for an event that only waits behind another.

            Examples:
              martlet events parked list
              martlet events parked list --group GROUP --topic TOPIC --key KEY --json
            """
    )

    @OptionGroup var services: ServiceOptions

    @Option(help: "Only this group.")
    var group: String?

    @Option(help: "Only this topic.")
    var topic: String?

    @Option(help: "The events of this key; with --group and --topic.")
    var key: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard key == nil || (group != nil && topic != nil) else {
            throw ValidationError("--key requires --group and --topic.")
        }
    }

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let client = try await services.client()
            if let key, let group, let topic {
                let responses = try await client.parked(group: group, topic: topic, key: key)
                try write(ParkedEvents(events: responses.all.flatMap(\.response), missing: responses.missing), terminal)
                try responses.requireComplete()
            } else {
                let responses = try await client.parkedKeys(group: group, topic: topic)
                try write(ParkedKeys(keys: responses.all.flatMap(\.response), missing: responses.missing), terminal)
                try responses.requireComplete()
            }
        }
    }

    private struct ParkedKeys: Encodable {
        let keys: [ParkedKey]
        /// Services that did not respond.
        let missing: [String]
    }

    private struct ParkedEvents: Encodable {
        let events: [ParkedEvent]
        /// Services that did not respond.
        let missing: [String]
    }

    private func write(_ parked: ParkedKeys, _ terminal: Terminal) throws {
        if json { return try terminal.json(parked) }
        let keys = parked.keys
        if keys.isEmpty { return terminal.line("Nothing is parked.") }
        var table = TextTable("SERVICE", "GROUP", "TOPIC", "KEY", "EVENTS", "STATE")
        for key in keys {
            table.add(
                "\(key.service)",
                "\(key.group)",
                "\(key.topic)",
                "\(key.key)",
                "\(key.events)",
                key.isRedriving ? "redriving" : "parked"
            )
        }
        table.write(to: terminal)
    }

    private func write(_ parked: ParkedEvents, _ terminal: Terminal) throws {
        if json { return try terminal.json(parked) }
        let events = parked.events
        if events.isEmpty { return terminal.line("Nothing is parked under this key.") }
        var table = TextTable("ID", "SEQUENCE", "ATTEMPTS", "PARKED", "ERROR")
        for event in events {
            table.add("\(event.id)", "\(event.sequence)", "\(event.attempts)", "\(event.parkedAt)", "\(event.error)")
        }
        table.write(to: terminal)
    }
}

struct ParkedShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Shows one parked event with its body.",
        discussion: """
            The body is the topic's message as JSON, or base64 when it cannot be decoded.

            Example:
              martlet events parked show ID --group GROUP --topic TOPIC --json \\
                | jq -r .body > body.json
            """
    )

    @Argument(help: "The event's id, from `parked list --key`.")
    var id: String

    @OptionGroup var services: ServiceOptions
    @OptionGroup var consumer: GroupOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let client = try await services.client()
            let request = ShowParkedMessageRequest.with {
                $0.group = consumer.group
                $0.topic = consumer.topic
                $0.id = id
            }
            let found = try await client.find {
                try await $0.calls.showParkedMessage(request, context: $0.context)
            }
            let event = ParkedEvent(found.response.message, of: found.service)
            if json { return try terminal.json(event) }
            let rows = [
                ("event", event.id), ("service", event.service), ("group", event.group), ("topic", event.topic),
                ("key", event.key), ("sequence", "\(event.sequence)"), ("source", event.source),
                ("published", event.publishedAt), ("parked", event.parkedAt), ("attempts", "\(event.attempts)"),
                ("error", event.error), ("body", event.body ?? event.bodyBytes ?? ""),
            ]
            for (name, value) in rows {
                let label = name + String(repeating: " ", count: 10 - name.count)
                terminal.line("\(terminal.styled(label, .bold)) \(value)")
            }
        }
    }
}
