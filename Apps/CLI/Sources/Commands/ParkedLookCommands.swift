import ArgumentParser
import Foundation
import FoundationEssentials
import MartletCore
import MartletHost
import SwiftProtobuf

/// A parked event as the command line shows it.
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
    /// JSON of the topic's message; `nil` in lists and for a topic that this program does not know.
    let body: String?
    /// Base64 of the bytes; `nil` in lists.
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
        body = record.body.isEmpty ? nil : EventBody(topic: record.topic)?.json(record.body)
        bodyBytes = record.body.isEmpty ? nil : record.body.base64EncodedString()
    }
}

struct ParkedListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Lists parked keys, or the events of one key.",
        discussion: """
            With --key: ATTEMPTS counts failed tries, and is 0 for an event that only waits behind another.

            Examples:
              martlet events parked list
              martlet events parked list --group carts --topic shop.orders.v1.orders \\
                --key KEY --json
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
            throw ValidationError("--key is told apart by --group and --topic: give both.")
        }
    }

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let desk = try await services.desk()
            if let key, let group, let topic {
                let answers = try await desk.parked(group: group, topic: topic, key: key)
                try write(ParkedEvents(events: answers.all.flatMap(\.answer), missing: answers.missing), terminal)
                try answers.mustBeComplete()
            } else {
                let answers = try await desk.parkedKeys(group: group, topic: topic)
                try write(ParkedKeys(keys: answers.all.flatMap(\.answer), missing: answers.missing), terminal)
                try answers.mustBeComplete()
            }
        }
    }

    private struct ParkedKeys: Encodable {
        let keys: [ParkedKey]
        /// Services that do not answer.
        let missing: [String]
    }

    private struct ParkedEvents: Encodable {
        let events: [ParkedEvent]
        /// Services that do not answer.
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
            The body is JSON of the topic's message, or base64 when it cannot be read as such.

            Example:
              martlet events parked show ID --group carts \\
                --topic shop.orders.v1.orders --json | jq -r .body > body.json
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
            let desk = try await services.desk()
            let request = ShowParkedMessageRequest.with {
                $0.group = consumer.group
                $0.topic = consumer.topic
                $0.id = id
            }
            let found = try await desk.find {
                try await $0.calls.showParkedMessage(request, context: $0.context)
            }
            let event = ParkedEvent(found.answer.message, of: found.service)
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
