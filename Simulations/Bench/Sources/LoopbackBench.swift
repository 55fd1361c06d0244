import Logging
import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletMessaging
import MartletRPC
import MartletResilience
import MartletSQL
import MartletSQLite
import MartletSecurity
import MartletTelemetry
import MartletTesting
import SimulatedCluster
import Synchronization

/// Services in one host on 127.0.0.1, each with a file of SQLite in a temporary folder.
struct LoopbackBench: Sendable {
    private let services: [any ServiceBlueprint.Type]
    private let settings: [any ServiceSettings]
    private let http: (any OutgoingTransport)?
    private let fakes: [String: @Sendable () -> [ServedContract]]

    init(
        _ services: [any ServiceBlueprint.Type],
        settings: [any ServiceSettings],
        http: (any OutgoingTransport)?,
        fakes: [String: @Sendable () -> [ServedContract]]
    ) {
        precondition(!services.isEmpty, "a bench has at least one service")
        self.settings = settings
        self.http = http
        self.services = services
        self.fakes = fakes
    }

    func run(_ body: @escaping @Sendable (TestBench) async throws -> Void) async throws {
        let folder = try TemporaryFolder()
        let runtime = Runtime.system
        let issuer = try await LocalIssuer(folder: folder.path, algorithm: .edDSA, time: runtime.time)
        let peer = LoopbackChannel(runtime: runtime, issuer: issuer)
        let log = try await eventLog(in: folder, runtime: runtime)
        var databases: [String: any SQLDatabase] = [:]
        var units = fakes.sorted { $0.key < $1.key }.map { name, contracts in
            ServiceRuntime(name: name, telemetry: Self.telemetry(name), time: runtime.time, contracts: contracts())
        }
        units.append(Self.unit(of: log, runtime: runtime))
        for service in services {
            let database = try SQLiteDatabase(path: folder.file("\(service.name).sqlite"), time: runtime.time)
            databases[service.name] = database
            units.append(try await unit(service, on: database, log: log, runtime: runtime, peer: peer))
        }
        let bench = TestBench(
            of: services[0].name,
            runtime: runtime,
            reader: DatabaseReader(databases: databases),
            skip: nil,
            hasFaults: false,
            channels: { _ in peer }
        )
        let host = try await host(units, folder: folder, runtime: runtime)
        let hasRun: Bool
        do {
            hasRun = try await serve(host, peer) { try await body(bench) }
        } catch {
            await peer.close()
            throw error
        }
        await peer.close()
        guard hasRun else { throw HostEnded() }
        withExtendedLifetime(folder) {}
    }

    /// The event log, which decides by the topics and subscriptions of the services, as in a simulated world.
    private func eventLog(in folder: TemporaryFolder, runtime: Runtime) async throws -> EventLog {
        let deployments = services.map { service in
            Deployment.of(service, isExternal: false, settings: settings, http: http)
        }
        return try await EventLog.open(
            try SQLiteDatabase(path: folder.file("eventlog.sqlite"), time: runtime.time),
            runtime: runtime,
            policy: try Deployment.policy(of: deployments)
        )
    }

    private static func unit(of log: EventLog, runtime: Runtime) -> ServiceRuntime {
        ServiceRuntime(
            name: Deployment.eventLogName,
            telemetry: telemetry(Deployment.eventLogName),
            time: runtime.time,
            contracts: [],
            loops: [.init("event log", .relay) { try await log.run() }]
        )
    }

    /// Runs `body` while the host serves.
    ///
    /// - Returns: False when the host ended first.
    private func serve(
        _ host: ServiceHost,
        _ peer: LoopbackChannel,
        body: @escaping @Sendable () async throws -> Void
    ) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
            group.addTask {
                do {
                    try await host.run(handlingSignals: false) { continuation.yield($0.grpc ?? 0) }
                } catch is CancellationError {
                    return false
                }
                return false
            }
            group.addTask {
                for await port in ports {
                    peer.connect(to: port)
                    try await body()
                    return true
                }
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
    }

    private func unit<Blueprint: ServiceBlueprint>(
        _ service: Blueprint.Type,
        on database: any SQLDatabase,
        log: EventLog,
        runtime: Runtime,
        peer: LoopbackChannel
    ) async throws -> ServiceRuntime {
        var dependencies = ServiceDependencies(
            database: database,
            bus: log.bus(of: service.name),
            runtime: runtime,
            telemetry: Self.telemetry(service.name),
            connect: { _ in peer }
        )
        dependencies.settings = settings
        dependencies.http = http
        return try await ServiceRuntime(service, on: dependencies)
    }

    private static func telemetry(_ service: String) -> Telemetry {
        Telemetry(service: service, level: .error, time: SystemTime())
    }

    private func host(_ units: [ServiceRuntime], folder: TemporaryFolder, runtime: Runtime) async throws -> ServiceHost
    {
        let verifier = try await LocalIssuer.verifier(
            in: folder.path,
            callees: [LoopbackChannel.host],
            time: runtime.time
        )
        var limits = ServiceHostLimits()
        limits.notReadyDelay = .zero
        // A slow machine must not abandon a task, which would end the process of all tests.
        limits.stop = HangLimit.wait
        var logger = Logger(label: "bench")
        logger.logLevel = .critical
        return ServiceHost(
            units,
            listeners: Listeners(host: "127.0.0.1", http: nil, grpc: 0, operate: nil, health: nil),
            authenticator: TokenAuthenticator(verifier: verifier),
            metrics: MetricsRegistry(service: "bench"),
            limits: limits,
            runtime: runtime,
            logger: logger
        )
    }
}

/// The services ended before the test, without an error of their own.
private struct HostEnded: Error, CustomStringConvertible {
    var description: String { "the services stopped before the test ended" }
}

private struct DatabaseReader: BenchReader {
    let databases: [String: any SQLDatabase]

    func read<Value: Sendable>(
        _ service: String,
        _ body: @escaping @Sendable (borrowing SQLTransaction) throws -> Value
    ) async throws -> Value {
        guard let database = databases[service] else {
            let names = databases.keys.sorted().joined(separator: ", ")
            throw Fault(
                .invalidArgument,
                .invalidRequest,
                "there is no service \(service) on the bench; it has \(names)"
            )
        }
        return try await database.read("bench", body)
    }
}
