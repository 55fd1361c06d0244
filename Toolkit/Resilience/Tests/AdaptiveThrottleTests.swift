import MartletCore
import MartletTesting
import Testing

@testable import MartletResilience

@Suite("Adaptive throttle")
struct AdaptiveThrottleTests {
    var stateMachine = AdaptiveThrottle.StateMachine(multiple: 2, window: .seconds(10))
    let start = Moment(nanoseconds: 77)

    /// The probability with which the next call is refused, to a thousandth.
    private func refusal(at now: Moment) -> Double {
        let least = (0..<1_000).first { thousandth in
            // A copy: refusals count.
            var copy = stateMachine
            return copy.admit(at: now, fraction: Double(thousandth) / 1_000)
        }
        return Double(least ?? 1_000) / 1_000
    }

    private mutating func respond(accepted: Int, refused: Int, at now: Moment) {
        for _ in 0..<accepted { stateMachine.record(isAccepted: true, at: now) }
        for _ in 0..<refused { stateMachine.record(isAccepted: false, at: now) }
    }

    @Test("admits every call while no more are refused than accepted")
    mutating func noOverload() {
        #expect(refusal(at: start) == 0)
        respond(accepted: 50, refused: 50, at: start)
        #expect(refusal(at: start) == 0)
    }

    @Test("overload: refuses by the share of calls beyond the multiple of the accepted ones")
    mutating func overloaded() {
        respond(accepted: 25, refused: 74, at: start)
        // (99 - 2 × 25) / 100; local refusals count as calls.
        var admitted = 0
        let refused = stateMachine.admit(at: start, fraction: 0.48)
        let passed = stateMachine.admit(at: start, fraction: 0.5)
        #expect(!refused)
        #expect(passed)
        for number in 0..<1_000 where stateMachine.admit(at: start, fraction: Double(number % 100) / 100) {
            admitted += 1
        }
        // As the share of accepted calls falls, the probability nears 1, and never reaches it.
        #expect((50..<500).contains(admitted))
        let last = stateMachine.admit(at: start, fraction: 0.999)
        #expect(last)
    }

    @Test("counts expire gradually over the window")
    mutating func window() {
        respond(accepted: 0, refused: 99, at: start)
        respond(accepted: 0, refused: 99, at: start + .seconds(5))
        #expect(refusal(at: start + .seconds(9)) == 0.995)
        #expect(refusal(at: start + .seconds(10)) == 0.99)
        #expect(refusal(at: start + .seconds(15)) == 0)
        respond(accepted: 0, refused: 99, at: start + .seconds(1_000))
        #expect(refusal(at: start + .seconds(1_000)) == 0.99)
        #expect(refusal(at: start + .seconds(2_000)) == 0)
    }

    @Test("fault: not done, with a retry delay")
    func fault() throws {
        let throttle = AdaptiveThrottle(
            multiple: 2,
            window: .seconds(1),
            runtime: Runtime(time: ManualTime(), seed: 1)
        )
        for _ in 0..<100 { throttle.record(isAccepted: false, for: "a") }
        let faults = (0..<100).compactMap { _ in
            do {
                try throttle.admit("a")
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

    @Test("the refusals of one caller refuse no other's calls")
    func callers() throws {
        let throttle = AdaptiveThrottle(
            multiple: 2,
            window: .seconds(10),
            runtime: Runtime(time: ManualTime(), seed: 1)
        )
        // Anonymous callers are one.
        for _ in 0..<1_000 { throttle.record(isAccepted: false, for: "") }
        for _ in 0..<100 {
            try throttle.admit("ann")
            throttle.record(isAccepted: true, for: "ann")
        }
        let passed = (0..<100).count { _ in (try? throttle.admit("")) != nil }
        #expect(passed < 20)
    }
}
