import MartletCore
import MartletTesting

/// A clock whose date is wrong by a constant skew.
struct SkewedTime: TimeSource {
    let time: ManualTime
    let skew: Duration

    var now: Moment { time.now }
    var date: Timestamp { time.date + skew }

    func sleep(until moment: Moment) async throws { try await time.sleep(until: moment) }
}
