import MartletCore
import MartletTesting
import Testing

@testable import MartletResilience

@Suite("Rate limiter")
struct RateLimiterTests {
    let start = Moment(nanoseconds: 1_000_000_000)

    private static func caller(_ number: Int) -> CallerKey { CallerKey(high: 0, low: UInt64(number)) }

    @Test("ten minutes of ten times the limit: each of 1,000 callers gets the limit within 2 %")
    func exact() {
        let limit = RateLimit(requests: 20, burst: 5)
        var limiter = RateLimiter.StateMachine(limit, callersMax: 1_000)
        var accepted = [Int](repeating: 0, count: 1_000)
        for turn in 0..<2_000 {
            let now = start + .milliseconds(300 * turn)
            for number in 0..<1_000 where limiter.admit(Self.caller(number), at: now).isAccepted {
                accepted[number] += 1
            }
        }
        #expect(accepted.allSatisfy { abs($0 - 200) <= 4 }, "\(accepted.min() ?? 0) to \(accepted.max() ?? 0)")
        #expect(limiter.callers == 1_000)
    }

    @Test("a caller has its place for a minute after its last accepted request, and none once others need it")
    func places() {
        var limiter = RateLimiter.StateMachine(RateLimit(requests: 60, burst: 10), callersMax: 200)
        // One new caller in a second, for an hour: 60 have used something a minute ago or later.
        for number in 0..<3_600 {
            let decision = limiter.admit(Self.caller(number), at: start + .seconds(number))
            #expect(decision.isAccepted && decision.remaining == 9)
            #expect(limiter.callers <= 100)
        }
    }

    @Test("while all places are taken, the place of one whose bucket is full is given to a new caller")
    func pressure() {
        let limit = RateLimit(requests: 60, burst: 10)
        var limiter = RateLimiter.StateMachine(limit, callersMax: 100)
        // One new caller in 20 ms: of 100, 50 have a full bucket, and none an empty window.
        for number in 0..<10_000 {
            let decision = limiter.admit(Self.caller(number), at: start + .milliseconds(20 * number))
            #expect(decision.isAccepted && decision.remaining == 9)
            #expect(limiter.callers <= 100)
        }
    }

    @Test("a caller who sends slowly and then all at once has no more than the limit, although others come and go")
    func planned() {
        let limit = RateLimit(requests: 60, burst: 15)
        var limiter = RateLimiter.StateMachine(limit, callersMax: 1_000)
        var accepted = 0
        for second in 0..<60 {
            let now = start + .seconds(second)
            for number in 0..<10 { _ = limiter.admit(Self.caller(1 + second * 10 + number), at: now) }
            for _ in 0..<(second < 59 ? 1 : 100) where limiter.admit(Self.caller(0), at: now).isAccepted {
                accepted += 1
            }
        }
        #expect(accepted == 60)
        #expect(limiter.callers == 601)
    }

    @Test("new callers do not make it forget one that has used its limit, and are accepted")
    func flood() {
        let limit = RateLimit(requests: 60, burst: 15)
        var limiter = RateLimiter.StateMachine(limit, callersMax: 100)
        let offender = Self.caller(0)
        var accepted = 0
        var newcomers = 0
        for turn in 0..<600 {
            let now = start + .milliseconds(100 * turn)
            for _ in 0..<3 where limiter.admit(offender, at: now).isAccepted { accepted += 1 }
            // 300 new callers a second with three requests each: all places are in use, all the time.
            for number in 0..<30 {
                let newcomer = Self.caller(1 + 30 * turn + number)
                for _ in 0..<3 where limiter.admit(newcomer, at: now).isAccepted { newcomers += 1 }
            }
        }
        #expect(limiter.callers == 100)
        #expect(accepted == 60)
        #expect(newcomers == 600 * 30 * 3)
    }

    @Test("when all places are used up, new callers share a bounded number of states")
    func overflow() {
        let limit = RateLimit(requests: 10, burst: 10)
        var limiter = RateLimiter.StateMachine(limit, callersMax: 10)
        for number in 0..<10 {
            for _ in 0..<10 { _ = limiter.admit(Self.caller(number), at: start) }
        }
        // All of one share.
        let sharing = (1...20).map { Self.caller(7 + $0 * RateLimiter.StateMachine.sharesCount) }
        let accepted = sharing.filter { limiter.admit($0, at: start).isAccepted }
        #expect(accepted.count == 10)
        #expect(!limiter.check(sharing[0], at: start).isAccepted)
        #expect(limiter.admit(Self.caller(8 + RateLimiter.StateMachine.sharesCount), at: start).isAccepted)
        #expect(limiter.callers == 10)
        for number in 0..<10 { #expect(!limiter.admit(Self.caller(number), at: start).isAccepted) }
        // A minute later their places are free.
        let later = start + .seconds(60)
        for caller in sharing { #expect(limiter.admit(caller, at: later).remaining >= 0) }
        #expect(limiter.callers <= 10)
    }

    @Test("asking without counting takes no place")
    func check() {
        let time = ManualTime()
        let limiter = RateLimiter(RateLimit(requests: 60, burst: 1), callersMax: 1, time: time)
        #expect(limiter.check(Self.caller(1)).isAccepted)
        #expect(limiter.admit(Self.caller(1)).isAccepted)
        #expect(!limiter.check(Self.caller(1)).isAccepted)
        time.advance(by: .seconds(1))
        #expect(limiter.check(Self.caller(1)).isAccepted)
        #expect(limiter.admit(Self.caller(2)).isAccepted)
    }
}
