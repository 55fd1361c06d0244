public import ServiceLifecycle

/// The HTTP listener of a process: that of its services, or a gateway's.
public protocol HTTPServer: Service {
    /// Waits until `run` has bound the port.
    func boundPort() async throws -> Int
}
