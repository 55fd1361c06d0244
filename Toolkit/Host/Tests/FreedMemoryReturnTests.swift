import MartletCore
import MartletTesting
import Synchronization
import Testing

@testable import MartletHost

@Suite("Return of freed memory")
struct FreedMemoryReturnTests {
    /// What the service sees and does.
    private final class Memory: Sendable {
        let load = Mutex(MemoryWatch.Load(peak: 0, now: 0))
        let returns = Mutex(0)

        func set(peak: Int, now: Int) { load.withLock { $0 = MemoryWatch.Load(peak: peak << 20, now: now << 20) } }
    }

    private let time = ManualTime()
    private let memory = Memory()

    @Test("checks every fifteen seconds, and returns memory once after a peak")
    func peak() async {
        let service = FreedMemoryReturn(
            time: time,
            load: { [memory] in memory.load.withLock { $0 } },
            resident: { 0 },
            returnToSystem: { [memory] in memory.returns.withLock { $0 += 1 } }
        )
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            defer { group.cancelAll() }
            memory.set(peak: 64, now: 64)
            await step()
            #expect(memory.returns.withLock { $0 } == 0)
            memory.set(peak: 64, now: 0)
            await step()
            #expect(memory.returns.withLock { $0 } == 1)
            memory.set(peak: 0, now: 0)
            for _ in 0..<8 { await step() }
            #expect(memory.returns.withLock { $0 } == 1)
        }
    }

    /// Lets the service check once.
    private func step() async {
        await time.waitForSleepers(1)
        time.advance(by: FreedMemoryReturn.interval)
        await time.waitForSleepers(1)
    }
}
