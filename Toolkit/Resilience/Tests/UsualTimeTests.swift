import MartletCore
import Testing

@testable import MartletResilience

@Suite("Usual time of a call")
struct UsualTimeTests {
    var time = UsualTime(least: .seconds(1), most: .seconds(4))

    @Test("nothing known: the least time is unusual, and half of the calls take none")
    func unknown() {
        #expect(time.unusual == .seconds(1))
        #expect(time.median == .zero)
    }

    @Test("unusual: three times what nineteen of twenty took, between the bounds")
    mutating func bounds() {
        for _ in 1...60 { time.succeeded(after: .milliseconds(20)) }
        #expect(time.unusual == .seconds(1))
        #expect(time.median == .milliseconds(20))
        // Two slow ones among many are no rule.
        for _ in 1...2 { time.succeeded(after: .seconds(9)) }
        #expect(time.unusual == .seconds(1))
        for _ in 1...8 { time.succeeded(after: .milliseconds(600)) }
        #expect(time.unusual == .milliseconds(1_800))
        for _ in 1...8 { time.succeeded(after: .seconds(9)) }
        #expect(time.unusual == .seconds(4))
        #expect(time.median == .milliseconds(20))
    }

    @Test("only the last calls count")
    mutating func recent() {
        for _ in 1...UsualTime.callsLimit { time.succeeded(after: .seconds(9)) }
        for _ in 1...UsualTime.callsLimit { time.succeeded(after: .milliseconds(1)) }
        #expect(time.unusual == .seconds(1))
        #expect(time.median == .milliseconds(1))
    }
}
