import MartletCore
import Testing

@testable import MartletHost

@Suite("Watch of freed memory")
struct MemoryWatchTests {
    var watch = MemoryWatch()

    private static func moment(_ seconds: Int) -> Moment { Moment(nanoseconds: 0) + .seconds(seconds) }

    /// What the watch decides at `seconds`, in MiB.
    private mutating func check(_ seconds: Int, peak: Int = 0, load: Int = 0, resident: Int = 100) -> Bool {
        watch.isReturnDue(
            MemoryWatch.Load(peak: peak << 20, now: load << 20),
            resident: resident << 20,
            at: Self.moment(seconds)
        )
    }

    private mutating func returned(_ seconds: Int, load: Int = 0, resident: Int = 100) {
        watch.returned(load: load << 20, resident: resident << 20, at: Self.moment(seconds))
    }

    @Test(
        "a return is due when half of a peak has gone, if that is 8 MiB",
        arguments: [(0, 0, false), (7, 0, false), (8, 0, true), (16, 9, false), (16, 8, true), (256, 129, false)]
    )
    mutating func fall(peak: Int, load: Int, isDue: Bool) {
        let result = check(0, peak: peak, load: load)
        #expect(result == isDue)
    }

    @Test("a peak that declines slowly is not forgotten")
    mutating func slowDecline() {
        let steps = [(200, 200), (200, 150), (150, 120), (120, 101), (101, 100)].enumerated()
            .map { index, step in check(index * 15, peak: step.0, load: step.1) }
        #expect(steps == [false, false, false, false, true])
        returned(60, load: 100)
        let rest = [check(75, peak: 100, load: 40), check(90, peak: 40, load: 40)]
        #expect(rest == [false, true])
        returned(90, load: 40)
        let last = [check(120, peak: 40, load: 21), check(135, peak: 21, load: 3)]
        #expect(last == [false, true])
    }

    @Test("a load that rises and falls all the time: one return in thirty seconds")
    mutating func oscillating() {
        var returns = 0
        for second in stride(from: 0, to: 600, by: 5) where check(second, peak: 200, load: 0) {
            returns += 1
            returned(second)
        }
        #expect(returns == 20)
    }

    @Test("memory is back within a minute after a peak, whenever it ends after a return")
    mutating func withinAMinute() {
        let first = check(0, peak: 50)
        returned(0)
        // The peak ends right after the check at 15 seconds.
        let later = [check(15, peak: 200, load: 200), check(30, peak: 200, load: 0)]
        #expect(first)
        #expect(later == [false, true])
    }

    @Test("a process that has grown by a fifth returns memory, also without a load that connections show")
    mutating func growth() {
        let before = [check(0, resident: 100), check(15, resident: 119), check(30, resident: 120)]
        #expect(before == [false, false, true])
        returned(30, resident: 101)
        let after = [check(60, resident: 119), check(75, resident: 122)]
        #expect(after == [false, true])
    }

    @Test("growth of a small process counts from 8 MiB")
    mutating func smallGrowth() {
        let results = [check(0, resident: 20), check(15, resident: 27), check(30, resident: 28)]
        #expect(results == [false, false, true])
    }

    @Test("returns that do not help are repeated after pauses that double up to an hour; new growth is not one of them")
    mutating func repeats() {
        _ = check(0, resident: 100)
        var due: [Int] = []
        for second in stride(from: 15, through: 20_000, by: 15) where check(second, resident: 200) {
            due.append(second)
            returned(second, resident: 200)
        }
        #expect(due.prefix(5) == [15, 75, 195, 435, 915])
        #expect(due.suffix(2).reduce(0) { $1 - $0 } == 3_600)
        let last = due.last ?? 0
        let grown = check(last + 30, resident: 240)
        #expect(grown)
    }

    @Test("where resident memory is not known, the load decides")
    mutating func unknown() {
        let results = [check(0, resident: 0), check(15, resident: 0), check(30, peak: 20, resident: 0)]
        #expect(results == [false, false, true])
    }
}
