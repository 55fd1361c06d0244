/// The host and ports of a process.
///
/// `nil` disables a listener; port 0 chooses a free one.
public struct Listeners: Sendable {
    public var host: String
    /// REST, health, metrics, OpenAPI.
    public var http: Int?
    /// gRPC for services.
    public var grpc: Int?
    /// gRPC for operators.
    public var operate: Int?

    public init(host: String, http: Int?, grpc: Int?, operate: Int?) {
        self.host = host
        self.http = http
        self.grpc = grpc
        self.operate = operate
    }
}

/// The ports on which a process listens.
public struct BoundPorts: Sendable, Hashable {
    public let http: Int?
    public let grpc: Int?
    public let operate: Int?
}
