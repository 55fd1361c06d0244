import ArgumentParser
import Console
import Foundation
import MartletCore
import MartletHost
import SwiftProtobuf

struct ParkedEditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "edit",
        abstract: "Replaces the body of a parked event.",
        discussion: """
            The new body is the topic's message as JSON, or its bytes with --raw. The event is not handled until its \
            key is redriven.

            Example:
              martlet events parked edit ID --group GROUP --topic TOPIC \\
                --body body.json --reason "a wrong id"
            """
    )

    @Argument(help: "The event's id, from `parked list --key`.")
    var id: String

    @OptionGroup var services: ServiceOptions
    @OptionGroup var consumer: GroupOptions
    @OptionGroup var why: ReasonOptions

    @Option(help: ArgumentHelp("The new body; - is standard input.", valueName: "file"), completion: .file())
    var body: String

    @Flag(help: "The file holds the message's bytes, not JSON.")
    var raw = false

    func run() async throws {
        try await reporting {
            let data = try EventBodyFile.read(body)
            let client = try await services.client()
            let request = EditParkedMessageRequest.with {
                $0.group = consumer.group
                $0.topic = consumer.topic
                $0.id = id
                $0.reason = why.reason
                if raw { $0.body = data } else { $0.bodyJson = String(decoding: data, as: UTF8.self) }
            }
            let found = try await client.find { service in
                do {
                    return try await service.calls.editParkedMessage(request, context: service.context)
                } catch let fault as Fault where fault.reason == "operate.unknown_topic" {
                    throw CommandFailure(
                        "\(consumer.topic): its message type is unknown; give its bytes with --raw"
                    )
                } catch let fault as Fault where fault.reason == "operate.invalid_body" {
                    throw CommandFailure("\(body): \(fault.message)")
                }
            }
            Terminal().note("edited in \(found.service); redrive its key to have it handled")
        }
    }
}

struct ParkedRedriveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "redrive",
        abstract: "Handles a key's parked events again, in order.",
        discussion: """
            Returns as soon as the service has recorded the request; `parked list` shows the remaining events. An \
            event that fails again stays parked, with those behind it.

            Examples:
              martlet events parked redrive --group GROUP --topic TOPIC --key KEY \\
                --reason "fixed in 1.4"
              martlet events parked redrive --all --reason "the service is back"
              martlet events parked redrive --group GROUP --topic TOPIC --key KEY \\
                --skip-missing --reason "lost with the log of Monday"
            """
    )

    @OptionGroup var services: ServiceOptions
    @OptionGroup var why: ReasonOptions

    @Option(help: "The group that parked it.")
    var group: String?

    @Option(help: "Its topic.")
    var topic: String?

    @Option(help: "The key.")
    var key: String?

    @Flag(help: "All parked keys, or all of --group and --topic.")
    var all = false

    @Flag(help: "Give up the events that are missing before the first parked one.")
    var skipMissing = false

    func validate() throws {
        guard all || (group != nil && topic != nil && key != nil) else {
            throw ValidationError("Give --group, --topic and --key, or --all.")
        }
        guard !all || key == nil else { throw ValidationError("--all and --key exclude each other.") }
    }

    func run() async throws {
        try await reporting {
            let client = try await services.client()
            let responses = try await client.parkedKeys(group: group, topic: topic)
            let keys = responses.all.flatMap(\.response).filter { (key ?? $0.key) == $0.key && !$0.isRedriving }
            guard !keys.isEmpty else {
                throw CommandFailure("nothing\(key.map { " named \($0)" } ?? "") is parked there")
            }
            for key in keys {
                guard let service = client.services.first(where: { $0.name == key.service }) else { continue }
                let request = RedriveParkedKeyRequest.with {
                    $0.group = key.group
                    $0.topic = key.topic
                    $0.key = key.key
                    $0.reason = why.reason
                    $0.skipMissing = skipMissing
                }
                do {
                    _ = try await service.calls.redriveParkedKey(request, context: service.context)
                } catch let fault as Fault {
                    throw CommandFailure("\(key.service): \(key.key): \(fault.message)")
                }
                Terminal().note("\(key.service): \(key.group), \(key.topic), \(key.key): \(key.events) events")
            }
            try responses.requireComplete()
        }
    }
}

struct ParkedDropCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drop",
        abstract: "Deletes one parked event without handling it.",
        discussion: """
            The later events of its key stay parked until they are redriven. This cannot be undone; the body is stored \
            in the audit trail.

            Example:
              martlet events parked drop ID --group GROUP --topic TOPIC \\
                --reason "sent twice by hand"
            """
    )

    @Argument(help: "The event's id, from `parked list --key`.")
    var id: String

    @OptionGroup var services: ServiceOptions
    @OptionGroup var consumer: GroupOptions
    @OptionGroup var why: ReasonOptions

    func run() async throws {
        try await reporting {
            let client = try await services.client()
            let request = DropParkedMessageRequest.with {
                $0.group = consumer.group
                $0.topic = consumer.topic
                $0.id = id
                $0.reason = why.reason
            }
            let found = try await client.find {
                try await $0.calls.dropParkedMessage(request, context: $0.context)
            }
            Terminal().note("dropped in \(found.service)")
        }
    }
}
