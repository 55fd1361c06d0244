public import MartletContract
public import MartletSQL

/// The platform of handlers under test: a database, and channels to fakes of other services.
public struct TestPlatform: CallPlatform {
    public let service: String
    public let database: any SQLDatabase
    private let channels: @Sendable (String) -> any RPCChannel

    /// - Parameters:
    ///   - service: The name of the service under test.
    ///   - database: The service's own.
    ///   - channels: The channel to a service by its name; by default no service can be reached.
    public init(
        service: String,
        database: any SQLDatabase,
        channels: @escaping @Sendable (String) -> any RPCChannel = { _ in UnreachableChannel() }
    ) {
        self.service = service
        self.database = database
        self.channels = channels
    }

    public func channel(to service: String) -> any RPCChannel { channels(service) }
}
