/// The monotonic and the wall clock, injected so that a run can be replayed.
public protocol TimeSource: Sendable {
    /// The monotonic clock.
    var now: Moment { get }
    /// The wall clock. It may jump: never subtract two of its readings to measure a duration.
    var date: Timestamp { get }
    /// Suspends until `now` has reached `moment`; returns immediately when it already has.
    ///
    /// - Throws: `CancellationError` when the task is cancelled, before or during the wait.
    func sleep(until moment: Moment) async throws
}

extension TimeSource {
    /// Suspends for `duration`.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    public func sleep(for duration: Duration) async throws { try await sleep(until: now + duration) }
}
