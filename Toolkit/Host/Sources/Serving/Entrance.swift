public import ServiceLifecycle

/// A listener for HTTP, which a process serves once it is bound: its services' own, or a gateway's in its place.
public protocol Entrance: Service {
    /// Waits until `run` has bound it.
    func boundPort() async throws -> Int
}
