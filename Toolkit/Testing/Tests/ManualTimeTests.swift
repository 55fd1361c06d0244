import MartletCore
import MartletTesting
import Testing

@Suite("Manual time")
struct ManualTimeTests {
    let time = ManualTime()

    @Test("wakes a sleeper when time has advanced far enough, and not before")
    func wakes() async throws {
        let (start, date) = (time.now, time.date)
        async let slept: Void = time.sleep(for: .seconds(10))
        await time.waitForSleepers()
        time.advance(by: .seconds(9))
        #expect(time.sleeping == 1)
        time.advance(by: .seconds(1))
        try await slept
        #expect(time.sleeping == 0)
        #expect(time.now - start == .seconds(10))
        #expect(time.date - date == .seconds(10))
    }

    @Test("a sleep until a past moment returns immediately")
    func passed() async throws {
        try await time.sleep(until: time.now)
        #expect(time.sleeping == 0)
    }

    @Test("advances to the earliest sleeper; returns false when no task sleeps")
    func earliest() async throws {
        let start = time.now
        async let late: Void = time.sleep(for: .seconds(5))
        async let early: Void = time.sleep(for: .seconds(2))
        await time.waitForSleepers(2)
        #expect(time.advanceToNextSleeper())
        try await early
        #expect(time.now - start == .seconds(2))
        #expect(time.advanceToNextSleeper())
        try await late
        #expect(time.now - start == .seconds(5))
        #expect(!time.advanceToNextSleeper())
    }

    @Test("a cancelled sleeper throws and is removed")
    func cancelled() async {
        let time = time
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await time.sleep(for: .seconds(1)) }
            await time.waitForSleepers()
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.waitForAll() }
        }
        #expect(time.sleeping == 0)
    }

    @Test("a cancelled watcher returns, although no task sleeps")
    func cancelledWatcher() async {
        let time = time
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await time.waitForSleepers() }
            group.cancelAll()
            await group.waitForAll()
        }
        #expect(time.sleeping == 0)
    }

    @Test("a jump of the wall clock does not change the monotonic clock")
    func jump() {
        let (start, date) = (time.now, time.date)
        time.jumpDate(by: .seconds(-60))
        #expect(time.now == start)
        #expect(time.date - date == .seconds(-60))
    }
}

@Suite("Seeded entropy")
struct SeededEntropyTests {
    @Test("is equal for equal seeds and differs for others")
    func repeats() {
        func draw(_ seed: UInt64) -> [UInt64] {
            let entropy = SeededEntropy(seed: seed)
            return (0..<8).map { _ in entropy.next() }
        }
        #expect(draw(7) == draw(7))
        #expect(draw(7) != draw(8))
        #expect(Set(draw(7)).count == 8)
    }

    @Test("matches the published numbers of SplitMix64")
    func published() {
        let entropy = SeededEntropy(seed: 1_234_567)
        #expect(entropy.next() == 6_457_827_717_110_365_317)
        #expect(entropy.next() == 3_203_168_211_198_807_973)
    }
}

@Suite("Seeded runtime")
struct SeededRuntimeTests {
    @Test("has the given clocks, and the numbers of its seed from the first on")
    func numbers() {
        let time = ManualTime()
        let (runtime, repeated, entropy) = (
            Runtime(time: time, seed: 7), Runtime(time: time, seed: 7), SeededEntropy(seed: 7)
        )
        time.advance(by: .seconds(60))
        #expect(runtime.time.now == time.now)
        #expect(runtime.entropy.next() == entropy.next())
        #expect(runtime.entropy.next() == entropy.next())
        #expect(repeated.entropy.next() == SeededEntropy(seed: 7).next())
    }
}
