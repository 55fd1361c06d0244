/// Runs `body` until `deadline`; then it is cancelled and its result is discarded.
///
/// - Throws: `Fault` with `deadlineExceeded` when the deadline passes, otherwise whatever `body` throws.
public func withDeadline<R: Sendable>(
    _ deadline: Moment?,
    _ time: any TimeSource,
    body: @escaping @Sendable () async throws -> R
) async throws -> R {
    guard let deadline else { return try await body() }
    guard time.now < deadline else { throw Fault.deadlineExceeded }
    return try await withThrowingTaskGroup(of: R?.self) { group in
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
