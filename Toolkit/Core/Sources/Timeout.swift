/// Runs `body` in a child task until `deadline`; then it is cancelled, and when it has ended its result is discarded.
///
/// With a `DeadlineWatcher` a deadline that is not reached costs no timer and no other task.
///
/// - Throws: `Fault` with `deadlineExceeded` when the deadline passes, otherwise whatever `body` throws.
public func withDeadline<R: Sendable>(
    _ deadline: Moment?,
    _ time: any TimeSource,
    body: @escaping @Sendable () async throws -> R
) async throws -> R {
    guard let deadline else { return try await body() }
    guard time.now < deadline else { throw Fault.deadlineExceeded }
    guard let watcher = time as? any DeadlineWatcher else { return try await race(body, against: deadline, of: time) }
    async let child = watcher.run(until: deadline, body)
    guard let result = try await child else { throw Fault.deadlineExceeded }
    return result
}

/// The same for any other clock, with a task that sleeps until the deadline.
private func race<R: Sendable>(
    _ body: @escaping @Sendable () async throws -> R,
    against deadline: Moment,
    of time: any TimeSource
) async throws -> R {
    try await withThrowingTaskGroup(of: R?.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await time.sleep(until: deadline)
            return nil
        }
        defer { group.cancelAll() }
        guard case .some(.some(let result)) = try await group.next() else { throw Fault.deadlineExceeded }
        return result
    }
}

extension Fault {
    /// The caller's deadline has passed.
    public static var deadlineExceeded: Fault { Fault(.deadlineExceeded, .deadlineExceeded, "the deadline has passed") }
}
