import MartletCore
import MartletTesting

/// A clock that is wrong by the same all the time.
struct SkewedTime: TimeSource {
    let time: ManualTime
    let skew: Duration

    var now: Moment { time.now }
    var date: Timestamp { time.date + skew }

    func sleep(until moment: Moment) async throws { try await time.sleep(until: moment) }
}
