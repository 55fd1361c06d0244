package import MartletCore

/// Repeats a call until its outcome is known, each time with a new deadline, as a client does that must know it.
package struct ClientRetries: Sendable {
    /// The deadline of one call.
    package static let callTimeout = Duration.seconds(5)
    package static let attemptsMax = 400
    private static let retryDelayMin: UInt64 = 50
    private static let retryDelaySpread: UInt64 = 1_000

    private let runtime: Runtime
    private let repeatsBugs: Bool

    /// - Parameter repeatsBugs: Whether `internal` is repeated, which only injected faults cause.
    package init(runtime: Runtime, repeatsBugs: Bool) {
        self.runtime = runtime
        self.repeatsBugs = repeatsBugs
    }

    /// - Parameter call: One attempt, until the moment.
    /// - Throws: A refusal; the last fault after 400 attempts; any other error of `call` immediately.
    package func run<Response>(_ call: (_ deadline: Moment) async throws -> Response) async throws -> Response {
        var attempts = 0
        while true {
            do {
                return try await call(runtime.time.now + Self.callTimeout)
            } catch let error as any FaultConvertible {
                try Task.checkCancellation()
                attempts += 1
                let fault = error.fault
                guard fault.outcome != .refused, repeatsBugs || fault.code != .internal, attempts < Self.attemptsMax
                else { throw error }
            }
            let delay = Self.retryDelayMin + runtime.entropy.number(below: Self.retryDelaySpread)
            try await runtime.time.sleep(for: .milliseconds(Int64(delay)))
        }
    }
}
