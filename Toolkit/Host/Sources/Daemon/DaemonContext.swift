import Foundation
public import MartletContract
public import MartletCore
import MartletDiscovery
import MartletRPC
import MartletResilience
public import MartletTelemetry

/// What the composition root of a daemon builds a service from.
public struct DaemonContext: Sendable {
    /// The name with which the daemon was started: in its logs, its metrics and its calls.
    public let service: String
    /// The flags and variables of the process.
    public let settings: DaemonSettings
    /// The operating system's clocks and random numbers.
    public let runtime: Runtime
    /// Log, metrics and spans under the name ``service``.
    public let telemetry: Telemetry
    /// The instances of the services; watched while the daemon runs.
    let registry: FileRegistry
    private let serviceSettings: BlueprintSettings
    private let traces: TraceExport
    private let pool: ChannelPool
    private let connections: Channels

    init(
        service: String,
        settings: DaemonSettings,
        serviceSettings: BlueprintSettings,
        runtime: Runtime,
        telemetry: Telemetry,
        traces: TraceExport
    ) {
        self.traces = traces
        self.service = service
        self.serviceSettings = serviceSettings
        self.settings = settings
        self.runtime = runtime
        self.telemetry = telemetry
        let registry = FileRegistry(path: settings.registry, every: .milliseconds(200), time: runtime.time)
        self.registry = registry
        connections = { peer in
            let tokens = ServiceTokens(to: peer, in: settings.keys, time: runtime.time)
            return RemoteChannel(
                to: peer,
                in: registry,
                policy: .betweenServices,
                metrics: telemetry.metrics,
                runtime: runtime
            ) { address in
                RPCConnection(
                    host: address.host,
                    port: address.port,
                    limits: RPCClientLimits(),
                    runtime: runtime,
                    authorization: { "Bearer \(try tokens.token(of: $0.principal))" }
                )
            }
        }
        pool = ChannelPool(
            of: service,
            policy: .betweenServices,
            metrics: telemetry.metrics,
            runtime: runtime,
            connect: connections
        )
    }

    /// The clocks of ``runtime``.
    public var time: any TimeSource { runtime.time }

    /// Log, metrics and spans of one of several services of the process.
    public func telemetry(of service: String) -> Telemetry {
        var telemetry = Telemetry(service: service, level: settings.logLevel, time: time)
        telemetry.tracer = traces.recording(service)
        return telemetry
    }

    /// The settings of a service that the program lists, for `ServiceDependencies`; empty for any other.
    public func settings<Blueprint: ServiceBlueprint>(of blueprint: Blueprint.Type) -> [any ServiceSettings] {
        serviceSettings.of(Blueprint.self)
    }

    /// A channel to another service, behind the call policy, for adapters such as the remote event log.
    public func channel(to service: String) -> any RPCChannel { pool.channel(to: service) }

    /// Channels for `ServiceDependencies`, without deadline, retries and bulkhead: each `ServiceRuntime` adds its own.
    public var connect: Channels { connections }
}
