import Console
import Foundation
import MartletCore
import MartletDiscovery
import MartletHost
import MartletSecurity

/// Prepares a data folder for a supervisor: ports, registry, keys, and the command line of every daemon.
struct Launch: Sendable {
    /// The lifetime of a service's token; a supervisor that runs longer renews it in time.
    static let tokenLifetime: Duration = .seconds(48 * 3_600)
    /// How the Swift runtime reports a crash of a daemon: the addresses of the crashed thread, without their names.
    ///
    /// Names would hold the crashed process, its port and its lock for seconds.
    static let backtrace = (
        variable: "SWIFT_BACKTRACE",
        value: "color=no,interactive=no,threads=crashed,registers=none,images=mentioned,symbolicate=off"
    )
    static let host = "127.0.0.1"
    /// The gateway's default port.
    static let port = 8080
    static let ports = 1...65_535
    /// The flags of daemons that a launch sets itself.
    static let ownSettings =
        Topology.Listener.allCases.map { "\($0.rawValue)-port" } + [
            "health-port", "system", "data", "keys", "registry", "topology", "log-level",
        ]

    /// A setting of a daemon, by flag.
    struct Setting: Sendable, Equatable {
        /// Without leading dashes.
        let name: String
        let value: String
    }

    let folder: DataFolder
    /// The identity of the folder: the name of the system that runs on it.
    let system: String
    let topology: Topology
    /// The programs to run, in shutdown order.
    let members: [Topology.Member]
    /// The gateway's port.
    let port: Int
    /// The folder of the daemons' programs.
    let programs: String
    /// Program to a crash point's `name:n` for its first start.
    let crashes: [String: String]
    /// Program to further settings of its own; the program itself checks them.
    let settings: [String: [Setting]]
    let logLevel: DaemonSettings.LogLevel
    let runtime: Runtime

    /// Writes the registry, the topology and the keys.
    ///
    /// - Returns: The daemons in shutdown order.
    func prepare() async throws -> [Supervisor.Daemon] {
        if let why = FreePorts.bindError(port) {
            throw CommandFailure(
                "port \(port) cannot be listened on (\(why)): end what listens there, or choose another with --port"
            )
        }
        var free = FreePorts(entropy: runtime.entropy)
        _ = try free.reserve(port)
        let previous = previousPorts()
        let previousHealth = previousHealthPorts()
        var registry: [String: [Instance]] = [:]
        var daemons: [Supervisor.Daemon] = []
        for member in members {
            let ports = try reservePorts(of: member, previous: previous, free: &free)
            let health = try free.reserve(previousHealth[member.program])
            for service in member.services {
                registry[service] = [instance(service, ports)]
            }
            daemons.append(daemon(member, ports, health: health))
        }
        try RegistryFile.write(registry, to: folder.registry)
        try writeTopology()
        try await writeTokens()
        return daemons
    }

    /// Writes the topology of this run: the event log reads it at each start, also when the system's own file has changed.
    private func writeTopology() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(topology).write(to: URL(fileURLWithPath: folder.topology), options: .atomic)
    }

    /// Writes the public keys and new tokens into the folder of each process, and deletes all other tokens.
    ///
    /// There is one token for each service that one of the process's services calls.
    func writeTokens() async throws {
        let issuer = try await LocalKeys(folder: folder, time: runtime.time).issuer()
        var written: Set<String> = []
        for member in members {
            let own = folder.keys(of: member.program)
            try issuer.writeKeySet(in: own)
            for service in member.services {
                for callee in topology.callees(of: service) {
                    written.insert(
                        try await issuer.writeServiceToken(
                            service,
                            to: callee,
                            in: own,
                            lifetime: Self.tokenLifetime
                        )
                    )
                }
            }
        }
        try removeTokens(besides: written)
    }

    /// Deletes the tokens for calls that are gone from the contracts.
    private func removeTokens(besides written: Set<String>) throws {
        for name in (FileManager.default.subpaths(atPath: folder.keys) ?? []).sorted() where name.hasSuffix(".token") {
            let path = "\(folder.keys)/\(name)"
            if !written.contains(path) { try FileManager.default.removeItem(atPath: path) }
        }
    }

    /// Renews the tokens in time, and after a step of the wall clock, and rotates the keys when an operator asks for it,
    /// until its task is cancelled; a failure, as on a full disk, is reported and repeated.
    func renewTokens(_ note: @Sendable (String) -> Void) async {
        let time = runtime.time
        var renewal = TokenRenewal(writtenAt: time.now, date: time.date)
        var rotation = SupervisedRotation(LocalKeys(folder: folder, time: time).rotator())
        while (try? await time.sleep(for: TokenRenewal.checkInterval)) != nil {
            await rotation.advance(at: time.now, note: note) { try await writeTokens() }
            guard renewal.isDue(at: time.now, date: time.date) else { continue }
            do {
                try await writeTokens()
                renewal = TokenRenewal(writtenAt: time.now, date: time.date)
            } catch {
                if !renewal.hasFailed {
                    note("the tokens of the services cannot be renewed, will retry: \(ErrorText.plain(error))")
                }
                renewal.failed(at: time.now)
            }
        }
    }

    private typealias Ports = [Topology.Listener: Int]

    /// The ports of the previous start, reused so that addresses configured elsewhere stay valid.
    private func previousPorts() -> [String: Instance] {
        // A missing or invalid registry is rewritten.
        let registry = (try? RegistryFile.read(folder.registry)) ?? [:]
        return registry.compactMapValues(\.first)
    }

    /// Of the programs, as the last supervisor recorded them.
    private func previousHealthPorts() -> [String: Int] {
        // What cannot be read is written anew.
        let rows = (try? ProcessTable.read(folder))?.rows ?? []
        return Dictionary(rows.compactMap { row in row.health.map { (row.name, $0) } }) { first, _ in first }
    }

    private func reservePorts(
        of member: Topology.Member,
        previous: [String: Instance],
        free: inout FreePorts
    ) throws -> Ports {
        var ports: Ports = [:]
        let before = member.services.compactMap { previous[$0] }
        for listener in Topology.Listener.allCases where member.listeners.contains(listener) {
            if member.hasPublicHTTP, listener == .http {
                ports[listener] = port
                continue
            }
            let address =
                switch listener {
                case .http: before.lazy.compactMap(\.http).first
                case .grpc: before.lazy.compactMap(\.grpc).first
                case .operate: before.lazy.compactMap(\.operate).first
                }
            ports[listener] = try free.reserve(address?.port)
        }
        return ports
    }

    private func instance(_ service: String, _ ports: Ports) -> Instance {
        func address(_ listener: Topology.Listener) -> Address? {
            ports[listener].map { Address(host: Self.host, port: $0) }
        }
        return Instance(
            id: "\(service)-1",
            http: address(.http),
            grpc: address(.grpc),
            operate: topology.servesOperators(service) ? address(.operate) : nil
        )
    }

    private func daemon(_ member: Topology.Member, _ ports: Ports, health: Int) -> Supervisor.Daemon {
        let log = folder.log(of: member.program)
        let crash = crashes[member.program]
        return Supervisor.Daemon(
            row: ProcessTable.Row(
                name: member.program,
                services: member.services,
                state: .starting,
                mark: nil,
                restarts: 0,
                http: ports[.http] ?? 0,
                grpc: ports[.grpc] ?? 0,
                operate: ports[.operate] ?? 0,
                health: health,
                log: log
            ),
            program: ChildProcess.Program(
                path: "\(programs)/\(member.program)",
                arguments: arguments(member, ports, health: health),
                environment: Self.inherited(ProcessInfo.processInfo.environment),
                log: log
            ),
            firstEnvironment: crash.map { [CrashPoints.variable: $0] } ?? [:]
        )
    }

    private func arguments(_ member: Topology.Member, _ ports: Ports, health: Int) -> [String] {
        var flags = ports.sorted { $0.key.rawValue < $1.key.rawValue }.map {
            ("\($0.key.rawValue)-port", "\($0.value)")
        }
        flags.append(("health-port", "\(health)"))
        flags.append(("system", system))
        if member.hasDatabase { flags.append(("data", folder.path)) }
        flags.append(("keys", folder.keys(of: member.program)))
        flags.append(("registry", folder.registry))
        if member.services.contains(where: { ExactText($0) == ExactText(LogStatus.service) }) {
            flags.append(("topology", folder.topology))
        }
        flags.append(("log-level", logLevel.rawValue))
        let own = (settings[member.program] ?? []).map { "--\($0.name)=\($0.value)" }
        return flags.flatMap { ["--\($0.0)", $0.1] } + own
    }

    /// Daemons get their settings only by flags: a variable meant for this program could be invalid for a daemon.
    ///
    /// Of ``backtrace`` a value of the operator's own is kept.
    static func inherited(_ environment: [String: String]) -> [String: String] {
        let own = environment.filter { !$0.key.hasPrefix("MARTLET_") }
        return own.merging([backtrace.variable: backtrace.value]) { given, _ in given }
    }
}
