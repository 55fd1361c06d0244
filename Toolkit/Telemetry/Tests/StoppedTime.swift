import MartletCore

/// Clocks that stand still, on which no task can sleep.
struct StoppedTime: TimeSource {
    var now: Moment { Moment(nanoseconds: 0) }
    var date: Timestamp { Timestamp(seconds: 0) }
    func sleep(until moment: Moment) async throws { throw CancellationError() }
}
