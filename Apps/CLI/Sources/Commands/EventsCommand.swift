import ArgumentParser
import Console

struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events",
        abstract: "Shows topics, consumer groups and lag; lists and repairs parked, missing and late events.",
        discussion: """
            Services publish events to topics; every consumer group of a topic receives each of its events. Events of \
            one key take effect in order and once.

            An event whose handler keeps failing is parked by its group, together with all later events of the same \
            key; other keys are not blocked. Inspect the event, fix the cause or the body, and redrive the key. Events that \
            wait for a missing one are shown by `gaps`, those that came too late by `late`.

            Examples:
              martlet events groups
              martlet events parked list
              martlet events parked redrive --all --reason "fixed in 1.4"
            """,
        subcommands: [
            EventsTopicsCommand.self, EventsGroupsCommand.self, RemoveGroupCommand.self, LossesCommand.self,
            ConfirmLossCommand.self, ParkedCommand.self, GapsCommand.self, LateCommand.self,
        ]
    )
}

struct EventsTopicsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topics",
        abstract: "Lists the topics and their numbers of published events.",
        discussion: """
            PUBLISHED counts events since the first start; GROUPS counts consumer groups. A topic that has another number \
            of partitions than its publisher declares is named below the table: it keeps those with which it was made.

            Example:
              martlet events topics --json | jq -r '.topics[].name'
            """
    )

    @OptionGroup var data: FolderOptions

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            let terminal = Terminal()
            let status = try await LogStatus.read(data.folder)
            if json { return try terminal.json(status) }
            var table = TextTable("TOPIC", "PUBLISHED", "GROUPS")
            for topic in status.topics { table.add("\(topic.name)", "\(topic.published)", "\(topic.groups.count)") }
            table.write(to: terminal)
            for topic in status.topics {
                guard let declared = topic.declaredPartitions else { continue }
                terminal.line("\(topic.name) has \(topic.partitions) partitions; its publisher declares \(declared).")
            }
        }
    }
}

struct EventsGroupsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "groups",
        abstract: "Lists the consumer groups of every topic and their lag.",
        discussion: """
            ACKNOWLEDGED counts events that the group has handled or parked. LAG counts the rest. MEMBERS are its \
            consumers at the moment; ABANDONED is when it last had one, if that is long ago: start its service, or \
            remove the group. LOST counts events that it will not receive, until its service has stored that or an \
            operator confirms it: see `martlet events losses`. A topic without a consumer group is not listed.

            Example:
              martlet events groups --topic TOPIC
            """
    )

    @OptionGroup var data: FolderOptions

    @Option(help: "Only this topic.")
    var topic: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        try await reporting {
            struct Row: Encodable {
                let topic: String
                let group: String
                let published: Int64
                let acknowledged: Int64
                let lag: Int64
                let members: Int32
                let lastSeenAt: String?
                let isAbandoned: Bool
                let lost: Int64
            }
            let terminal = Terminal()
            let topics = try await LogStatus.read(data.folder).topics.filter { topic == nil || $0.name == topic }
            if let topic, topics.isEmpty {
                throw CommandFailure("there is no topic \(topic): `martlet events topics` lists them")
            }
            let rows =
                topics.flatMap { topic in
                    topic.groups.map { group in
                        Row(
                            topic: topic.name,
                            group: group.name,
                            published: topic.published,
                            acknowledged: group.acknowledged,
                            lag: group.lag,
                            members: group.members,
                            lastSeenAt: group.lastSeenAt,
                            isAbandoned: group.isAbandoned,
                            lost: group.lost
                        )
                    }
                }
            if json { return try terminal.json(["groups": rows]) }
            var table = TextTable("TOPIC", "GROUP", "PUBLISHED", "ACKNOWLEDGED", "LAG", "MEMBERS", "ABANDONED", "LOST")
            for row in rows {
                table.add(
                    "\(row.topic)",
                    "\(row.group)",
                    "\(row.published)",
                    "\(row.acknowledged)",
                    TextTable.Cell("\(row.lag)", row.lag == 0 ? nil : .yellow),
                    "\(row.members)",
                    TextTable.Cell(
                        row.isAbandoned ? row.lastSeenAt ?? "never seen" : "no",
                        row.isAbandoned ? .red : nil
                    ),
                    TextTable.Cell("\(row.lost)", row.lost == 0 ? nil : .red)
                )
            }
            table.write(to: terminal)
        }
    }
}
