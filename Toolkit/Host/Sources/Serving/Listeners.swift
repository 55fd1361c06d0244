package import MartletConfig

/// Where a listener of a process listens.
public struct ListenAddress: Sendable, Hashable {
    /// A name or an IP address of this machine.
    public let host: String
    /// 0 chooses a free port.
    public let port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }
}

/// The listeners of a process, each with its own address.
///
/// `nil` disables a listener.
public struct Listeners: Sendable, Hashable {
    /// REST and OpenAPI, with health for who balances REST.
    public var http: ListenAddress?
    /// gRPC for services.
    public var grpc: ListenAddress?
    /// gRPC for operators.
    public var operate: ListenAddress?
    /// Health and metrics, from before the services are built until they have ended.
    public var health: ListenAddress?

    public init(http: ListenAddress?, grpc: ListenAddress?, operate: ListenAddress?, health: ListenAddress?) {
        self.http = http
        self.grpc = grpc
        self.operate = operate
        self.health = health
    }

    /// All on one host.
    ///
    /// - Parameters:
    ///   - host: A name or an IP address of this machine.
    ///   - http: The port of REST; `nil` disables a listener, 0 chooses a free port.
    ///   - grpc: The port of gRPC for services.
    ///   - operate: The port of gRPC for operators.
    ///   - health: The port of health and metrics.
    public init(host: String, http: Int?, grpc: Int?, operate: Int?, health: Int?) {
        func address(_ port: Int?) -> ListenAddress? { port.map { ListenAddress(host: host, port: $0) } }
        self.init(http: address(http), grpc: address(grpc), operate: address(operate), health: address(health))
    }
}

extension ListenAddress {
    /// Reads the flags `--name-host` and `--name-port`.
    ///
    /// - Parameters:
    ///   - name: As in `grpc`.
    ///   - host: Of listeners without a host of their own.
    ///   - port: By default; 0 chooses a free one.
    ///   - serves: What the listener serves, for the help text.
    ///   - reader: Reads both settings.
    package init(_ name: String, host: String, port: Int, serves: String, _ reader: inout ConfigReader) {
        let own = reader.optional("\(name)-host", help: "The address of that listener; that of --host if missing.")
        self.init(
            host: own ?? host,
            port: reader.port("\(name)-port", port, help: "\(serves); 0 chooses a free port.")
        )
    }

    /// The listener for health and metrics of any program.
    package static func health(host: String, _ reader: inout ConfigReader) -> ListenAddress {
        ListenAddress("health", host: host, port: 0, serves: "Health and metrics: /livez, /readyz, /metrics", &reader)
    }
}

/// The ports on which a process listens.
public struct BoundPorts: Sendable, Hashable {
    public let http: Int?
    public let grpc: Int?
    public let operate: Int?
    public let health: Int?
}
