import MartletCore
import Synchronization
import Testing

/// The numbers 1, 2, 3 and so on.
private final class Counter: Entropy {
    private let last = Mutex<UInt64>(0)

    func next() -> UInt64 {
        last.withLock { last in
            last += 1
            return last
        }
    }
}

@Suite("Runtime")
struct RuntimeTests {
    private let clock = Fixed(
        now: Moment(nanoseconds: 7),
        date: Timestamp(microseconds: 1_645_557_742_000_000),
        bits: 0
    )

    @Test("returns the clocks and the random numbers that it was given")
    func sources() {
        let runtime = Runtime(time: clock, entropy: Counter())
        #expect(runtime.time.now == clock.now)
        #expect(runtime.time.date == clock.date)
        #expect([runtime.entropy.next(), runtime.entropy.next()] == [1, 2])
    }

    @Test("makes the identifier that its two sources make, with the same draws in the same order")
    func identifier() {
        let entropy = Counter()
        let runtime = Runtime(time: clock, entropy: entropy)
        let first = runtime.identifier()
        let second = runtime.identifier()
        #expect(first.description == "017f22e2-79b0-7001-8000-000000000002")
        #expect(second.description == "017f22e2-79b0-7003-8000-000000000004")
        #expect(entropy.next() == 5)
    }

    @Test("copies share their sources")
    func copies() {
        let runtime = Runtime(time: clock, entropy: Counter())
        let copy = runtime
        let numbers = [runtime.entropy.next(), copy.entropy.next(), runtime.entropy.next()]
        #expect(numbers == [1, 2, 3])
    }
}
