/// Work that a service does from time to time, such as expiry.
///
/// A run that fails is logged, and the next one comes at its time. Jobs rest for a while when the wall clock has jumped, since most
/// of them judge by it.
public struct Job: Sendable {
    /// For the log.
    public let name: String
    /// The pause between the end of one run and the start of the next.
    public let pause: Duration
    let body: @Sendable () async throws -> Void

    /// - Parameter body: One transaction or a few: it is cancelled at shutdown.
    public init(_ name: String, every pause: Duration, _ body: @escaping @Sendable () async throws -> Void) {
        precondition(pause > .zero)
        self.name = name
        self.pause = pause
        self.body = body
    }

    /// One run, for tests and simulations.
    public func run() async throws { try await body() }
}
