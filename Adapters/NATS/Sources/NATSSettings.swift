import MartletCore
public import MartletTelemetry

/// Where the servers are, how this process identifies itself to them, and how topics are stored on them.
public struct NATSSettings: Sendable {
    /// How a client identifies itself.
    public enum Credentials: Sendable {
        case none
        case user(String, password: Redacted<String>)
        case token(Redacted<String>)
        /// The file of a user's JWT and seed, as `nsc` writes it.
        case file(String)
    }

    /// TLS with verification; there is none without it.
    public struct TLS: Sendable {
        /// The file with the certificates of the authorities that sign those of servers, as PEM.
        public var authorities: String
        /// The name that the certificate of each server must have: the library checks none of its own.
        public var host: String
        /// The files with the client's own certificates and key, as PEM; `nil` when the servers ask for none.
        public var identity: (certificates: String, key: String)?

        public init(authorities: String, host: String) {
            self.authorities = authorities
            self.host = host
        }
    }

    /// URLs of the servers, as `nats://10.0.0.1:4222`; at least one.
    ///
    /// Others of their cluster are found.
    public var servers: [String]
    /// URLs of the servers' monitoring endpoints, as `http://10.0.0.1:8222`, where `sync_interval` is read: of each
    /// server that stores streams.
    public var monitoring: [String]
    public var credentials = Credentials.none
    public var tls: TLS?
    /// The beginning of all names of streams and subjects: systems with different ones share a cluster.
    ///
    /// 1 to 32 of the characters a-z, A-Z and 0-9.
    public var prefix = "martlet"
    /// On how many servers each topic is stored: 1, 3 or 5.
    ///
    /// Of topics that exist it is not changed.
    public var replicas = 1
    /// Whether servers are accepted that acknowledge a publication before it is on the disk, as they do by default.
    ///
    /// A power failure then loses acknowledged events: for tests and evaluation.
    public var acceptsUnsyncedWrites = false
    /// How long connecting to one server, and writing to a connection, may take.
    public var connectTimeout = Duration.seconds(2)
    public var limits = NATSLimits()

    /// - Parameters:
    ///   - servers: URLs of the servers; at least one.
    ///   - monitoring: URLs of their monitoring endpoints; may be empty when ``acceptsUnsyncedWrites`` is true.
    public init(servers: [String], monitoring: [String]) {
        precondition(!servers.isEmpty)
        self.servers = servers
        self.monitoring = monitoring
    }
}

/// Capacity, delivery and retention of topics on NATS.
public struct NATSLimits: Sendable {
    /// Partitions of a topic that declares none, fixed when it is made; 1 to 256.
    public var partitions = 8
    /// Maximum unacknowledged deliveries of one member.
    public var window = 256
    /// Maximum events of one publication.
    public var batch = 1_000
    /// Maximum bytes of one event's body; the server's `max_payload` may be lower.
    public var body = 1 << 20
    /// How long a delivery may stay unacknowledged before its member counts as stuck and leaves.
    public var acknowledgementTimeout = Duration.seconds(300)
    /// After this time the server delivers again what a process held that has ended or is stopped.
    ///
    /// At least 1 s. Groups keep what they were made with.
    public var acknowledgementWait = Duration.seconds(5)
    /// How long an event is stored; longer while a group has not acknowledged it.
    public var retention = Duration.seconds(7 * 24 * 3_600)
    /// Between two purges of events that are past their retention.
    public var purgeInterval = Duration.seconds(60)
    /// Maximum bytes of one topic's stream; -1 for the server's own limit.
    ///
    /// At the limit publications are refused.
    public var streamBytes: Int64 = -1
    /// How long a call to the servers may take.
    public var callTimeout = Duration.seconds(5)
    /// Whether topics that were not declared are made by their use: for tests and evaluation.
    public var acceptsUndeclared = false

    public init() {}
}
