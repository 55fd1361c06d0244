import MartletCore
import MartletTesting
import Testing

@testable import MartletResilience

@Suite("Rate limit")
struct RateLimitTests {
    let start = Moment(nanoseconds: 77)
    var usage = RateLimit.Usage()

    @Test("accepts the burst at once, then one at a time, and the limit in a minute")
    mutating func life() {
        let limit = RateLimit(requests: 60, burst: 3)
        let first = (0..<4).map { _ in usage.admit(at: start, limit) }
        #expect(first.map(\.isAccepted) == [true, true, true, false])
        #expect(first.map(\.remaining) == [2, 1, 0, 0])
        #expect(first.map(\.untilNext) == [.zero, .zero, .seconds(1), .seconds(1)])
        #expect(first.map(\.untilFull) == [.seconds(1), .seconds(2), .seconds(3), .seconds(3)])

        let early = usage.admit(at: start + .nanoseconds(999_999_999), limit)
        let due = usage.admit(at: start + .seconds(1), limit)
        #expect(!early.isAccepted && early.untilNext == .nanoseconds(1))
        #expect(due.isAccepted && due.remaining == 0)

        let full = usage.admit(at: start + .seconds(4), limit)
        #expect(full.isAccepted && full.remaining == 2)
    }

    @Test("a constant overload gets exactly the limit in each minute", arguments: [1.01, 1.1, 1.5, 2, 10, 100])
    mutating func overload(_ factor: Double) {
        let limit = RateLimit(requests: 600, burst: 150)
        let interval = 60e9 / (600 * factor)
        var accepted = [Int](repeating: 0, count: 10)
        for number in 0... {
            let now = Int64(Double(number) * interval)
            guard now < 600_000_000_000 else { break }
            if usage.admit(at: start + .nanoseconds(now), limit).isAccepted { accepted[Int(now / 60_000_000_000)] += 1 }
        }
        // 2 % of 600.
        #expect(accepted.allSatisfy { abs($0 - 600) <= 12 }, "\(accepted)")
        #expect(abs(accepted.reduce(0, +) - 6_000) <= 120)
    }

    @Test("requests in groups get the limit, too: what a gap regains is kept, up to the burst")
    mutating func groups() {
        let limit = RateLimit(requests: 120, burst: 30)
        var accepted = 0
        for second in stride(from: 0, to: 600, by: 4) {
            for _ in 0..<100 where usage.admit(at: start + .seconds(second), limit).isAccepted { accepted += 1 }
        }
        #expect(abs(accepted - 1_200) <= 24)
    }

    @Test("who asks less often than the limit is never refused, for as long as it lasts")
    mutating func steady() {
        let limit = RateLimit(requests: 7, burst: 1)
        var refused = 0
        for number in 0..<100_000 {
            // 60 s / 7 is no whole number of nanoseconds.
            let now = start + .nanoseconds(Int64(number) * 8_571_428_572)
            if !usage.admit(at: now, limit).isAccepted { refused += 1 }
        }
        #expect(refused == 0)
        #expect(usage.isUnused(at: start + .seconds(857_200)))
    }

    @Test(
        "a minute counts back from each request: after the limit, the next is accepted when the first is a minute old"
    )
    mutating func window() {
        let limit = RateLimit(requests: 3, burst: 3)
        for second in [0, 20, 40] { #expect(usage.admit(at: start + .seconds(second), limit).isAccepted) }
        let early = usage.admit(at: start + .nanoseconds(59_999_999_999), limit)
        #expect(!early.isAccepted && early.remaining == 0 && early.untilNext == .nanoseconds(1))
        // Only when the last of the three has left the window, there is space for three.
        #expect(early.untilFull == .nanoseconds(40_000_000_001))
        let due = usage.admit(at: start + .seconds(60), limit)
        #expect(due.isAccepted && due.remaining == 0)
        #expect(due.untilNext == .seconds(20) && due.untilFull == .seconds(60))
    }

    @Test("above 100 requests a minute they leave the window in groups, with the last of a group")
    mutating func grouped() {
        let limit = RateLimit(requests: 250, burst: 250)
        #expect(limit.groupRequests == 3 && limit.windowRequestsMax == 252)
        // In 2 s the bucket regains more than the two that the window accepts besides the limit.
        let times = Array(0..<300) + [2_000, 2_000]
        let accepted = times.filter { usage.admit(at: start + .milliseconds($0), limit).isAccepted }
        #expect(accepted.count == 252)
        // The first group has the requests of 0, 1 and 2 ms.
        let waiting = usage.check(at: start + .seconds(60), limit)
        #expect(!waiting.isAccepted && waiting.untilNext == .milliseconds(2))
        #expect(usage.check(at: start + .milliseconds(60_002), limit).remaining == 3)
    }

    @Test("asking without counting changes nothing, and a clock that is read late does not either")
    mutating func check() {
        let limit = RateLimit(requests: 60, burst: 1)
        #expect(usage.check(at: start, limit).isAccepted)
        _ = usage.admit(at: start + .seconds(10), limit)
        let before = usage
        #expect(!usage.check(at: start + .seconds(10), limit).isAccepted)
        #expect(!usage.check(at: start, limit).isAccepted)
        #expect(usage.check(at: start + .seconds(11), limit).isAccepted)
        #expect(usage.check(at: Moment(nanoseconds: .max), limit).isAccepted)
        #expect(usage == before)
    }

    @Test(
        "the burst is a share of the limit, at least one request",
        arguments: [(60, 25, 15), (1, 25, 1), (3, 25, 1), (100, 100, 100), (RateLimit.requestsMax, 100, 10_000_000)]
    )
    mutating func share(requests: Int, percent: Int, burst: Int) {
        let limit = RateLimit(requests: requests, burstPercent: percent)
        #expect(limit.burst == burst)
        for _ in 0..<min(requests, 200) { _ = usage.admit(at: start, limit) }
        #expect(!usage.isUnused(at: start + .nanoseconds(59_999_999_999)))
        #expect(usage.isUnused(at: start + .seconds(60)))
    }
}
