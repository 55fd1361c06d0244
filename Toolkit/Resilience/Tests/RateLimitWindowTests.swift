import MartletCore
import MartletTesting
import Testing

@testable import MartletResilience

/// Arrivals of requests over some minutes, as offsets in nanoseconds.
private enum Arrivals: String, CaseIterable {
    /// Groups of any size, with pauses of any length.
    case bursty
    /// As many as a minute has, again and again around the moment at which a minute has passed.
    case aroundWindows
    /// Not faster than the limit for a while, then as many as possible at once: the bucket is full all the time before.
    case pacedThenBurst
    /// Constant, somewhat below or above the limit.
    case constant

    static let minutes = 6

    func offsets(_ limit: RateLimit, _ entropy: SeededEntropy) -> [Int64] {
        func number(below end: Int64) -> Int64 { Int64(entropy.number(below: UInt64(end))) }
        let minute = RateLimit.windowNanoseconds
        let interval = limit.intervalNanoseconds + 1
        let percent = 50 + number(below: 100)
        var now = number(below: minute)
        let end = now + Int64(Self.minutes) * minute
        var offsets: [Int64] = []
        func burst(_ count: Int64) { offsets += [Int64](repeating: now, count: Int(count)) }
        while now < end {
            switch self {
            case .bursty:
                burst(number(below: Int64(limit.burst) * 2 + 2))
                now += number(below: minute / 2)
            case .aroundWindows:
                burst(number(below: Int64(limit.requests) + 2))
                now += number(below: 2) == 0 ? minute - 1 + number(below: 3) : number(below: minute / 4)
            case .pacedThenBurst:
                for _ in 0...number(below: Int64(limit.requests)) {
                    burst(1)
                    now += interval
                }
                burst(Int64(limit.requests))
            case .constant:
                burst(1)
                now += max(1, interval * percent / 100)
            }
        }
        return offsets
    }
}

@Suite("A minute of a rate limit")
struct RateLimitWindowTests {
    private static let limits = [1, 3, 7, 60, 100, 101, 333, 600, 1_000].map {
        RateLimit(requests: $0, burstPercent: 25)
    }

    private static func accepted(_ offsets: [Int64], _ limit: RateLimit) -> [Int64] {
        var usage = RateLimit.Usage()
        let accepted = offsets.filter { usage.admit(at: Moment(nanoseconds: $0), limit).isAccepted }
        #expect(usage.groups.count <= RateLimit.groupsMax + 1)
        return accepted
    }

    @Test("no minute, whenever it begins, has more than the limit and 2 %, whatever the caller does", arguments: 1...20)
    func most(_ seed: Int) {
        for limit in Self.limits {
            for arrivals in Arrivals.allCases {
                let entropy = SeededEntropy(seed: UInt64(seed))
                let times = Self.accepted(arrivals.offsets(limit, entropy), limit)
                var (first, most) = (0, 0)
                for (index, time) in times.enumerated() {
                    while time - times[first] >= RateLimit.windowNanoseconds { first += 1 }
                    most = max(most, index - first + 1)
                }
                #expect(most * 100 <= limit.requests * 102, "\(arrivals) of \(limit): \(most)")
            }
        }
    }

    @Test(
        "who always sends faster than the limit gets it within 2 % in each minute, whenever it begins",
        arguments: [102, 110, 137, 200, 330, 1_000, 5_000],
        [60, 101, 600, 2_000]
    )
    func least(percent: Int64, requests: Int) {
        let limit = RateLimit(requests: requests, burstPercent: 25)
        let entropy = SeededEntropy(seed: UInt64(requests) + UInt64(percent))
        let minute = RateLimit.windowNanoseconds
        let interval = minute * 100 / (Int64(requests) * percent)
        let phase = Int64(entropy.number(below: UInt64(minute)))
        let count = 5 * minute / interval
        // No request is where a constant rate has it, but none is in the interval of another.
        let offsets = (0..<count).map { phase + $0 * interval + Int64(entropy.number(below: UInt64(interval))) }
        let times = Self.accepted(offsets, limit)
        var (end, least) = (0, requests)
        for (index, time) in times.enumerated() where time + minute < phase + (count - 1) * interval {
            // The minute after this request, which is the worst one: it has just missed it.
            while end < times.count, times[end] <= time + minute { end += 1 }
            least = min(least, end - index - 1)
        }
        // The requests that the two ends of the minute cut off, for a limit whose 2 % is less than them.
        #expect(requests - least <= max(3, requests * 2 / 100), "\(least) of \(requests)")
        #expect(times.count * 100 >= 5 * requests * 98)
    }

    @Test("the delay until the next, what remains and the delay until the whole burst are exact", arguments: 1...8)
    func headers(_ seed: Int) {
        for limit in Self.limits {
            let entropy = SeededEntropy(seed: UInt64(seed))
            var usage = RateLimit.Usage()
            for (index, offset) in Arrivals.bursty.offsets(limit, entropy).enumerated() {
                let decision = usage.admit(at: Moment(nanoseconds: offset), limit)
                let next = Moment(nanoseconds: offset) + decision.untilNext
                #expect(usage.check(at: next, limit).isAccepted)
                if decision.untilNext > .zero {
                    #expect(!usage.check(at: Moment(nanoseconds: next.nanoseconds - 1), limit).isAccepted)
                }
                let full = Moment(nanoseconds: offset) + decision.untilFull
                #expect(usage.check(at: full, limit).remaining == limit.burst)
                if decision.untilFull > .zero {
                    #expect(usage.check(at: Moment(nanoseconds: full.nanoseconds - 1), limit).remaining < limit.burst)
                }
                guard index.isMultiple(of: 16) else { continue }
                var copy = usage
                var more = 0
                while copy.admit(at: Moment(nanoseconds: offset), limit).isAccepted { more += 1 }
                #expect(more == decision.remaining)
            }
        }
    }
}
