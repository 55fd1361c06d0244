import ArgumentParser
import Console
import MartletCore
import MartletSecurity

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token",
        abstract: "Prints a signed token.",
        discussion: """
            The development issuer, whose keys are in the data folder, signs the token; only a \(Topology.systemName) \
            on that folder accepts it. Send it in the header `Authorization: Bearer …`. Name its subject by a role, by \
            --service or by --subject; --scope adds to the scopes of a role.

            Roles:
            \(HelpList.text(roles.map { (left: flag(of: $0), right: $0.about) }))

            Examples:
            \(examples.map { "  \($0)" }.joined(separator: "\n"))

            Scopes:
            \(HelpList.text(scopes.map { (left: $0.name, right: $0.about) }))
            """
    )

    @OptionGroup var data: FolderOptions
    @OptionGroup var system: TopologyOptions

    @Option(help: ArgumentHelp("The subject of the token.", valueName: "id"))
    var subject: String?

    @Option(parsing: .upToNextOption, help: ArgumentHelp("The scopes of the token, one or more.", valueName: "scope"))
    var scope: [String] = []

    /// As ``RoleArguments`` writes them: `NAME` or `NAME=SUBJECT`.
    @Option(help: .hidden)
    var role: [String] = []

    @Option(help: ArgumentHelp("A service, for calls between services over gRPC.", valueName: "name"))
    var service: String?

    @Option(help: ArgumentHelp("The service that the service's token is for.", valueName: "name"))
    var to: String?

    @Option(
        parsing: .unconditional,
        help: "How long the token lasts, as in 90s, 15m, 1h, 7d. (default: 1h)",
        transform: DurationArgument.flag
    )
    var ttl = DurationArgument(duration: .seconds(3_600))

    func validate() throws {
        let kinds = Set(role.map { Self.parts($0).name }).count + (service == nil ? 0 : 1)
        guard kinds <= 1 else {
            let flags = Self.roles.map { "--\($0.name)" } + ["--service"]
            throw ValidationError("Choose one of \(flags.joined(separator: ", ")) and --subject.")
        }
        guard kinds == 1 || subject != nil else {
            let flags =
                Self.roles.map { Self.flag(of: $0).filter { $0 != "<" && $0 != ">" } } + ["--service NAME --to NAME"]
            throw ValidationError("Name the subject: \(flags.joined(separator: ", ")) or --subject ID.")
        }
        let chosen = role.last.map(Self.parts)
        let names = [subject, chosen?.subject, service, to].compactMap { $0 }
        guard names.allSatisfy(Principal.isUserID) else {
            throw ValidationError(
                "A subject has 1 to 200 bytes, without a blank in front, control characters and ||."
            )
        }
        if let invalid = scope.first(where: { !ScopeName.isValid($0) }) {
            throw ValidationError("'\(invalid)' cannot be a scope: no scope gives the power of a service.")
        }
        guard (service == nil) == (to == nil) else {
            throw ValidationError("A service's token names the service that it is for: --service NAME --to NAME.")
        }
        guard service == nil || (subject == nil && scope.isEmpty) else {
            throw ValidationError("A service's token has neither --subject nor --scope.")
        }
        if let chosen, chosen.subject != nil, subject != nil {
            throw ValidationError("--\(chosen.name) names the subject already.")
        }
    }

    func run() async throws {
        try await reporting {
            let keys = LocalKeys(folder: data.folder, time: SystemTime())
            let issuer = try await keys.existingIssuer()
            if let service, let to {
                let token = try await issuer.serviceToken(service, to: to, lifetime: ttl.duration)
                return Terminal().line(token)
            }
            let topology = try system.topology()
            let chosen = role.last.map(Self.parts)
            let preset = try chosen.map { try Self.preset(of: $0, in: topology) } ?? []
            let scopes = Set(preset + scope).sorted()
            for name in KnownScopes.unknown(scopes, in: topology) {
                Terminal().note("Warning: no contract requires the scope \(name); see `martlet token --help`")
            }
            let name = chosen?.subject ?? subject ?? chosen?.name ?? ""
            Terminal().line(try await issuer.userToken(name, scopes: scopes, lifetime: ttl.duration))
        }
    }

    private static func parts(_ role: String) -> (name: String, subject: String?) {
        let parts = role.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return (parts[0], parts.count == 2 ? parts[1] : nil)
    }

    private static func preset(
        of chosen: (name: String, subject: String?),
        in topology: Topology
    ) throws(CommandFailure) -> [String] {
        guard let role = topology.role(chosen.name), role.subject == nil || chosen.subject != nil else {
            throw CommandFailure("the \(topology.name) has no such role: \(chosen.name)", status: CommandStatus.usage)
        }
        return role.scopes
    }

    // MARK: Texts from the topology

    private static var roles: [Topology.Role] { (try? Topology.installed.get().roles) ?? [] }

    private static var scopes: [Topology.Scope] {
        let listed = (try? Topology.installed.get().scopes) ?? []
        return listed + [Topology.Scope(name: "operate", about: "the operator listeners")]
    }

    private static func flag(of role: Topology.Role) -> String {
        "--\(role.name)" + (role.subject.map { " <\($0.uppercased())>" } ?? "")
    }

    private static var examples: [String] {
        let commands = roles.map { role in
            "martlet token --\(role.name)" + (role.subject.map { " \($0.uppercased())" } ?? "")
        }
        return commands + [
            "martlet token --subject auditor --scope SCOPE SCOPE --ttl 15m",
            "TOKEN=$(\(commands.first ?? "martlet token --subject ID"))",
            "curl -H \"Authorization: Bearer $TOKEN\" localhost:8080/v1/…",
        ]
    }
}
