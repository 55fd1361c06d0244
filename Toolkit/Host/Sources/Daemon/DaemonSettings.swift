public import Logging
public import MartletConfig

/// What every daemon is told by flags or environment.
public struct DaemonSettings: Sendable {
    public enum LogLevel: String, Sendable, CaseIterable {
        case trace, debug, info, notice, warning, error
    }

    /// The folder of databases.
    public let data: String
    /// The registry file that the supervisor writes.
    public let registry: String
    /// The folder of keys and of this service's own token.
    public let keys: String
    public let listeners: Listeners
    public let logLevel: Logger.Level

    /// Reads the settings common to all daemons.
    public init(_ reader: inout ConfigReader) {
        data = reader.string("data", nil, help: "The folder of databases; made when it is missing.")
        registry = reader.string("registry", nil, help: "The file that says what runs where.")
        keys = reader.string("keys", nil, help: "The folder with jwks.json and this service's own token.")
        listeners = Listeners(
            host: reader.string("host", "127.0.0.1", help: "The address on which all listeners answer."),
            http: reader.port("http-port", 0, help: "REST, health, metrics, OpenAPI; 0 takes a free port."),
            grpc: reader.port("grpc-port", 0, help: "gRPC for services; 0 takes a free port."),
            operate: reader.port("operate-port", 0, help: "gRPC for operators; 0 takes a free port.")
        )
        let level = reader.choice("log-level", LogLevel.info, help: "The least level that is logged.")
        logLevel = Logger.Level(rawValue: level.rawValue) ?? .info
    }
}
