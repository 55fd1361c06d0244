public import MartletSQL

/// What handlers and clients use of the service that they belong to.
public protocol CallPlatform: Sendable {
    /// The service's name.
    var service: String { get }
    /// The service's own database.
    var database: any SQLDatabase { get }

    /// The channel to another service, by its name in the registry.
    func channel(to service: String) -> any RPCChannel
}
