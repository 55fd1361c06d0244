import ArgumentParser
import Console

struct ParkedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parked",
        abstract: "Lists and repairs events whose handler failed.",
        discussion: """
            Events are parked by group, topic and key. `list` shows the keys; with --key it shows that key's events, \
            whose ids `show`, `edit` and `drop` accept. Commands that change something require --reason, which is \
            stored in the audit trail: see `martlet audit`.

            Examples:
              martlet events parked list
              martlet events parked list --group GROUP --topic TOPIC --key KEY
              martlet events parked show ID --group GROUP --topic TOPIC
              martlet events parked edit ID --group GROUP --topic TOPIC \\
                --body fixed.json --reason "a wrong id"
              martlet events parked drop ID --group GROUP --topic TOPIC \\
                --reason "sent twice by hand"
              martlet events parked redrive --group GROUP --topic TOPIC --key KEY \\
                --reason "fixed in 1.4"
              martlet events parked redrive --all --reason "the service is back"
            """,
        subcommands: [
            ParkedListCommand.self, ParkedShowCommand.self, ParkedEditCommand.self, ParkedRedriveCommand.self,
            ParkedDropCommand.self,
        ]
    )
}

/// Selects a running service, or all.
struct ServiceOptions: ParsableArguments {
    @OptionGroup var data: FolderOptions

    @Option(
        help: ArgumentHelp("Query only this service, by its name in the registry; by default all.", valueName: "name")
    )
    var service: String?

    func client() async throws -> OperatorClient { try await OperatorClient.open(data.folder, only: service) }
}

/// Selects a consumer group of a topic.
struct GroupOptions: ParsableArguments {
    @Option(help: "The group that parked it.")
    var group: String

    @Option(help: "Its topic.")
    var topic: String
}

/// The reason of a change, for the audit trail.
struct ReasonOptions: ParsableArguments {
    static let charactersLimit = 500

    @Option(
        help: ArgumentHelp("Why, for the audit trail: 1 to \(charactersLimit) characters.", valueName: "text")
    )
    var reason: String

    func validate() throws {
        guard 1...Self.charactersLimit ~= reason.count else {
            throw ValidationError("--reason must have 1 to \(Self.charactersLimit) characters.")
        }
    }
}
