public import MartletCore

/// The clocks of a test whose pauses are real: for a database server's adapter, which pauses before it repeats a body.
///
/// Deadlines are those of the test, which advances its clocks; a pause does not end earlier because of that.
public struct PausingTime: TimeSource {
    private let time: ManualTime

    public init(_ time: ManualTime) { self.time = time }

    public var now: Moment { time.now }

    public var date: Timestamp { time.date }

    public func sleep(until moment: Moment) async throws { try await SystemTime().sleep(for: moment - time.now) }
}
