public import Logging
public import MartletConfig

/// The settings common to all daemons.
public struct DaemonSettings: Sendable {
    public enum LogLevel: String, Sendable, CaseIterable {
        case trace, debug, info, notice, warning, error
    }

    /// The folder of databases.
    public let data: String
    /// The registry file that the supervisor writes.
    public let registry: String
    /// The folder of this process with the public keys and the tokens of its services.
    public let keys: String
    /// The system to which this process belongs; `nil`: it serves requests for any.
    public let system: SystemName?
    /// The name of this process among the replicas of its service, the same after a restart.
    public let instance: String
    public let listeners: Listeners
    /// Between "not ready" and the end of the listeners at a shutdown, see ``ServiceHostLimits/notReadyDelay``.
    public let drainDelay: Duration
    public let traces: TraceSettings
    public let logLevel: Logger.Level

    public init(_ reader: inout ConfigReader) {
        data = reader.string("data", nil, help: "The folder of databases; created if missing.")
        registry = reader.string("registry", nil, help: "The file that lists the instances of every service.")
        keys = reader.string(
            "keys",
            nil,
            help: "The folder of this process: jwks.json, and a token for each service that it calls."
        )
        system = SystemName(&reader)
        instance =
            reader.optional(
                "instance",
                help: "The name of this replica of the service, the same after a restart; the host's name if missing."
            ) ?? HostName.current
        let host = reader.string("host", "127.0.0.1", help: "The address of listeners that have none of their own.")
        listeners = Listeners(
            http: ListenAddress("http", host: host, port: 0, serves: "REST and OpenAPI", &reader),
            grpc: ListenAddress("grpc", host: host, port: 0, serves: "gRPC for services", &reader),
            operate: ListenAddress("operate", host: host, port: 0, serves: "gRPC for operators", &reader),
            health: .health(host: host, &reader)
        )
        drainDelay = Self.drainDelay(&reader)
        traces = TraceSettings(&reader)
        let level = reader.choice("log-level", LogLevel.info, help: "The lowest level that is logged.")
        logLevel = Logger.Level(rawValue: level.rawValue) ?? .info
    }

    /// Of any program with listeners.
    package static func drainDelay(_ reader: inout ConfigReader) -> Duration {
        reader.duration(
            "drain-delay",
            ServiceHostLimits().notReadyDelay,
            in: .zero ... .seconds(300),
            help: "At a shutdown: between 503 of /readyz and the end of the listeners, so that load balancers notice."
        )
    }
}
