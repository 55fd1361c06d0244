import MartletCore
import Testing

@testable import MartletREST

@Suite("Progress of a client that reads")
struct SendProgressTests {
    var progress = SendProgress(timeout: .seconds(30), bytesMin: 100)

    private static func moment(_ seconds: Int) -> Moment { Moment(nanoseconds: 0) + .seconds(seconds) }

    private mutating func check(_ seconds: Int, unsent: Int) -> SendProgress.State {
        progress.check(unsent: unsent, at: Self.moment(seconds))
    }

    @Test("what the system takes at once needs no check")
    mutating func sent() {
        progress.wrote(1_000)
        let waits = progress.flushed(unsent: 0, at: Self.moment(0))
        let state = check(100, unsent: 0)
        #expect(!waits)
        #expect(state == .sent)
    }

    @Test("a client that takes nothing is paused, and stalled after the timeout")
    mutating func nothing() {
        progress.wrote(1_000)
        let waits = progress.flushed(unsent: 600, at: Self.moment(0))
        let states = [check(5, unsent: 600), check(29, unsent: 600), check(30, unsent: 600)]
        #expect(waits)
        #expect(states == [.paused, .paused, .stalled])
    }

    @Test("a client that takes a little of all that is written is stalled, one that takes enough is not")
    mutating func little() {
        progress.wrote(10_000)
        _ = progress.flushed(unsent: 5_000, at: Self.moment(0))
        let first = [check(10, unsent: 4_950), check(20, unsent: 4_950), check(29, unsent: 4_900)]
        #expect(first == [.sending, .paused, .sending])
        // From here on a new time begins.
        let second = [check(58, unsent: 4_801), check(59, unsent: 4_801)]
        #expect(second == [.sending, .stalled])
    }

    @Test(
        "by default, a client that reads 64 KiB in 30 seconds is not cut off, in whatever steps its system takes them"
    )
    func steps() {
        let limits = ConnectionLimits.standard
        for step in [1, 8, 32, 64, 96, 124] {
            var progress = SendProgress(timeout: limits.sendTimeout, bytesMin: limits.sendBytesMin)
            progress.wrote(64 << 20)
            _ = progress.flushed(unsent: 64 << 20, at: Self.moment(0))
            var states: Set<String> = []
            for check in 1...180 {
                let seconds = check * 10
                let read = seconds * (64 << 10) / 30
                let taken = read - read % (step << 10)
                states.insert("\(progress.check(unsent: (64 << 20) - taken, at: Self.moment(seconds)))")
            }
            #expect(states.isSubset(of: ["sending", "paused"]), "steps of \(step) KiB")
        }
    }

    @Test("responses that are added do not count as taken")
    mutating func added() {
        progress.wrote(1_000)
        _ = progress.flushed(unsent: 600, at: Self.moment(0))
        progress.wrote(500)
        let waits = progress.flushed(unsent: 1_100, at: Self.moment(10))
        let states = [check(20, unsent: 1_100), check(30, unsent: 1_100)]
        #expect(waits)
        #expect(states == [.paused, .stalled])
    }

    @Test("a client that has taken everything begins anew")
    mutating func anew() {
        progress.wrote(1_000)
        _ = progress.flushed(unsent: 600, at: Self.moment(0))
        let between = check(25, unsent: 0)
        progress.wrote(1_000)
        _ = progress.flushed(unsent: 900, at: Self.moment(28))
        let states = [check(57, unsent: 900), check(58, unsent: 900)]
        #expect(between == .sent)
        #expect(states == [.paused, .stalled])
    }
}
