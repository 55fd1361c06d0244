package import MartletCore
public import MartletTelemetry

/// Where a service's database is, and who the service is there.
///
/// A service has a database and a role of its own, as `PostgresProvisioning` makes them.
public struct PostgresSettings: Sendable {
    /// A server: the primary or one of its standbys.
    public struct Host: Sendable, Hashable {
        /// A name, an address, or the absolute path of the folder of a Unix socket.
        public var name: String
        public var port: Int

        public init(_ name: String, port: Int = 5_432) {
            self.name = name
            self.port = port
        }
    }

    /// How connections are encrypted.
    public enum Encryption: Sendable, Hashable {
        /// With TLS: the server's certificate must be valid for its name, and signed by an authority of the file, in PEM.
        /// A password is bound to the connection's certificate.
        case verified(authorities: String)
        /// Not at all: for Unix sockets, and within one machine.
        case none
    }

    /// Tried in this order until one accepts writes.
    public var hosts: [Host]
    public var database: String
    public var user: String
    /// Asked for at each new connection, so that it can be changed; `nil` where the server knows the user otherwise.
    public var password: (@Sendable () -> Redacted<String>)?
    public var encryption: Encryption
    /// Whether a pooler assigns another connection of the server to each transaction, as pgbouncer does in its mode
    /// `transaction`.
    ///
    /// Then there are no prepared statements, no named locks, no notifications of other processes, and no settings of
    /// the session, such as the limit of an idle transaction: the role must have them.
    public var isPooled = false
    /// Whether a server is used that may lose acknowledged commits when its machine fails: for tests alone.
    package var permitsLoss = false
    /// The clock of the database's date in place of the server's; `nil`: the server's.
    ///
    /// For tests alone, which move it.
    package var clock: (any TimeSource)?
    /// Shown by the server beside each connection.
    public var applicationName = "martlet"

    public init(
        hosts: [Host],
        database: String,
        user: String,
        password: (@Sendable () -> Redacted<String>)? = nil,
        encryption: Encryption
    ) {
        precondition(!hosts.isEmpty)
        self.hosts = hosts
        self.database = database
        self.user = user
        self.password = password
        self.encryption = encryption
    }
}
