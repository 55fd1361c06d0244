import MartletCore
import MartletTesting
import Testing

@testable import MartletResilience

@Suite("A throttle")
struct AdaptiveThrottleTests {
    var machine = AdaptiveThrottle.Machine(multiple: 2, window: .seconds(10))
    let start = Moment(nanoseconds: 77)

    /// The probability with which the next call is refused, to a thousandth.
    private func refusal(at now: Moment) -> Double {
        let least = (0..<1_000).first { thousandth in
            // A copy: what is refused counts.
            var copy = machine
            return copy.admit(at: now, fraction: Double(thousandth) / 1_000)
        }
        return Double(least ?? 1_000) / 1_000
    }

    private mutating func answer(taken: Int, refused: Int, at now: Moment) {
        for _ in 0..<taken { machine.answered(isTaken: true, at: now) }
        for _ in 0..<refused { machine.answered(isTaken: false, at: now) }
    }

    @Test("lets everything go on while no more is refused than taken")
    mutating func calm() {
        #expect(refusal(at: start) == 0)
        answer(taken: 50, refused: 50, at: start)
        #expect(refusal(at: start) == 0)
    }

    @Test("refuses what is beyond the multiple of what is taken, so many as it takes")
    mutating func overloaded() {
        answer(taken: 25, refused: 74, at: start)
        // (99 - 2 × 25) / 100, of which those that it refuses count as well.
        var admitted = 0
        let refused = machine.admit(at: start, fraction: 0.48)
        let passed = machine.admit(at: start, fraction: 0.5)
        #expect(!refused)
        #expect(passed)
        for number in 0..<1_000 where machine.admit(at: start, fraction: Double(number % 100) / 100) { admitted += 1 }
        // As the share of what is taken falls, the probability nears 1, and never reaches it.
        #expect((50..<500).contains(admitted))
        let last = machine.admit(at: start, fraction: 0.999)
        #expect(last)
    }

    @Test("forgets after its window, by and by")
    mutating func window() {
        answer(taken: 0, refused: 99, at: start)
        answer(taken: 0, refused: 99, at: start + .seconds(5))
        #expect(refusal(at: start + .seconds(9)) == 0.995)
        #expect(refusal(at: start + .seconds(10)) == 0.99)
        #expect(refusal(at: start + .seconds(15)) == 0)
        answer(taken: 0, refused: 99, at: start + .seconds(1_000))
        #expect(refusal(at: start + .seconds(1_000)) == 0.99)
        #expect(refusal(at: start + .seconds(2_000)) == 0)
    }

    @Test("says that nothing was done, and when to come back")
    func fault() throws {
        let throttle = AdaptiveThrottle(
            multiple: 2,
            window: .seconds(1),
            time: ManualTime(),
            entropy: SeededEntropy(seed: 1)
        )
        for _ in 0..<100 { throttle.answered(isTaken: false) }
        let faults = (0..<100).compactMap { _ in
            do {
                try throttle.admit()
                return Fault?.none
            } catch {
                return Fault(describing: error)
            }
        }
        #expect(faults.count > 80)
        let fault = try #require(faults.first)
        #expect(fault.code == .resourceExhausted)
        #expect(fault.outcome == .notDone)
        #expect(fault.retryAfter == .seconds(2))
    }
}
