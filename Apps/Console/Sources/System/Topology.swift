/// A system of Martlet services: its programs, its roles, and what its contracts declare.
///
/// Written in `martlet.json`.
package struct Topology: Sendable, Equatable, Encodable {
    /// What the system is called in messages.
    package let name: String
    /// One process each, in drain order: a caller ends before the services it calls.
    package let processes: [Member]
    /// The program that runs all services in one process; `nil` when there is none.
    package let singleProcess: String?
    /// The kinds of users that tokens are made for.
    package let roles: [Role]
    /// Commands that other programs of the system run.
    package let commands: [Command]
    /// Commands of a first session.
    package let examples: [Example]
    package let topics: [Topic]
    /// Every scope that a contract requires.
    package let scopes: [Scope]
    /// Who may call each method of the contracts.
    package let methods: [Method]
    /// The endpoints of services beside their contracts.
    package let endpoints: [Endpoint]

    /// A program and what it runs.
    package struct Member: Sendable, Equatable, Encodable {
        /// The program's file, in the folder of `martlet`.
        package let program: String
        /// The services that it runs, by their names in the registry.
        package let services: [String]
        package let listeners: [Listener]
        /// True when its HTTP listener is the public one, the gateway's.
        package let hasPublicHTTP: Bool
        /// False for a program without persistent state.
        package let hasDatabase: Bool
        /// The topics that its services subscribe to.
        package let consumes: [String]
    }

    package enum Listener: String, Sendable, CaseIterable, Codable {
        case http
        case grpc
        case operate
    }

    package struct Role: Sendable, Equatable, Codable {
        /// `martlet token` has a flag of this name.
        package let name: String
        /// What the flag's value is, as in `id`; `nil` for a flag without a value.
        package let subject: String?
        package let about: String
        package let scopes: [String]
    }

    package struct Command: Sendable, Equatable, Codable {
        package let name: String
        /// A program in the folder of `martlet`, and its first arguments.
        package let run: [String]
        package let about: String
    }

    package struct Example: Sendable, Equatable, Codable {
        package let command: String
        package let about: String
    }

    package struct Topic: Sendable, Equatable, Codable {
        package let name: String
        /// The service that publishes it.
        package let publisher: String
        /// In how many partitions its contract has it stored; `nil` for the event log's own number.
        package let partitions: Int?
    }

    package struct Scope: Sendable, Equatable, Codable {
        package let name: String
        /// What it permits.
        package let about: String

        package init(name: String, about: String) {
            self.name = name
            self.about = about
        }
    }

    package struct Method: Sendable, Equatable, Codable {
        /// The service that serves it.
        package let service: String
        /// As in `acme.links.v1.LinksService/Shorten`.
        package let name: String
        /// As its contract writes them: a scope, `ANYBODY` or `NOBODY`.
        package let users: String
        /// As its contract writes them: as in `previews for users`, or `NONE`.
        package let callers: [String]
    }

    /// An endpoint beside contracts; no service may call it.
    package struct Endpoint: Sendable, Equatable, Codable {
        /// The service that serves it.
        package let service: String
        /// As in `POST`.
        package let verb: String
        /// A template such as `/hooks/{sender}`.
        package let path: String
        /// As a contract would write them: a scope, `ANYBODY` or `NOBODY`.
        package let users: String
    }

    /// The programs that run: one for each process, or one for all services.
    ///
    /// - Throws: ``CommandFailure`` when no program runs all services.
    package func members(singleProcess isSingle: Bool) throws(CommandFailure) -> [Member] {
        guard isSingle else { return processes }
        guard let singleProcess else {
            throw CommandFailure("the \(name) has no program for --single-process", status: CommandStatus.usage)
        }
        return [
            Member(
                program: singleProcess,
                services: processes.flatMap(\.services),
                listeners: Listener.allCases.filter { listener in
                    processes.contains { $0.listeners.contains(listener) }
                },
                hasPublicHTTP: processes.contains(where: \.hasPublicHTTP),
                hasDatabase: processes.contains(where: \.hasDatabase),
                consumes: processes.flatMap(\.consumes)
            )
        ]
    }

    /// Whether `service` has operator calls.
    package func servesOperators(_ service: String) -> Bool {
        processes.contains { $0.services.contains(service) && $0.listeners.contains(.operate) }
    }

    package func role(_ name: String) -> Role? { roles.first { $0.name == name } }
}
