/// A clock that cancels tasks at their deadlines, so that none of them needs another task that sleeps until then.
package protocol DeadlineWatcher: TimeSource {
    /// Runs `body` in the current task, which is cancelled at `deadline`.
    ///
    /// - Returns: The result of `body`; `nil`, also when it throws, if the deadline passes before it ends.
    func run<R: Sendable>(until deadline: Moment, _ body: @Sendable () async throws -> R) async throws -> R?
}

extension SystemTime: DeadlineWatcher {
    package func run<R: Sendable>(until deadline: Moment, _ body: @Sendable () async throws -> R) async throws -> R? {
        try await SystemDeadlines.shared.run(until: deadline, body)
    }
}
