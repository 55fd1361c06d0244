/// Periodic work of a service, such as expiry.
///
/// A failed run is logged and the schedule continues. Jobs are suspended for a while after a jump of the wall clock,
/// since most of them depend on it.
public struct Job: Sendable {
    /// Used in the log.
    public let name: String
    /// The time between the end of one run and the start of the next.
    public let interval: Duration
    let body: @Sendable () async throws -> Void

    /// - Parameter body: One or a few transactions; cancelled at shutdown.
    public init(_ name: String, every interval: Duration, _ body: @escaping @Sendable () async throws -> Void) {
        precondition(interval > .zero)
        self.name = name
        self.interval = interval
        self.body = body
    }

    /// Runs the job once, for tests and simulations.
    public func run() async throws { try await body() }
}
