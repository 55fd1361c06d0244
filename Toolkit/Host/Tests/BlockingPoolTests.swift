import Dispatch
import MartletCore
import MartletMessaging
import MartletSQL
import MartletTesting
import MartletWorkflows
import Synchronization
import Testing

@testable import MartletHost

@Suite("Pool for blocking work", .timeLimit(.minutes(HangLimit.testMinutes)))
struct BlockingPoolTests {
    private struct Failure: Error {}

    private final class Flag: Sendable {
        private let state = Mutex(false)

        var isSet: Bool { state.withLock { $0 } }

        func set() { state.withLock { $0 = true } }
    }

    private let time = ManualTime()

    private static func slowHash(_ text: String) -> Int { text.utf8.reduce(7) { $0 &* 31 &+ Int($1) } }

    private func hash(_ text: String, until deadline: Moment?, on platform: Platform) async throws -> Int {
        try await platform.offload(until: deadline) { Self.slowHash(text) }
    }

    /// Waits until so many works run or wait.
    private func wait(for count: Int, in pool: BlockingPool) async {
        while pool.unfinishedCount != count, !Task.isCancelled { await Task.yield() }
    }

    @Test("returns what the work returns, and throws what it throws", arguments: [false, true])
    func results(isInline: Bool) async throws {
        let pool = isInline ? BlockingPool.inline : BlockingPool(threads: 1, waitingMax: 1)
        #expect(try await pool.run(until: nil, time: time) { 7 } == 7)
        await #expect(throws: Failure.self) {
            try await pool.run(until: time.now + .seconds(1), time: time) { throw Failure() }
        }
        await wait(for: 0, in: pool)
    }

    @Test("is that of the platform")
    func platform() async throws {
        let runtime = Runtime(time: time, entropy: SeededEntropy(seed: 1))
        let platform = Platform(
            service: "hashes",
            settings: try NoSettings.read(),
            blocking: .inline,
            database: NoDatabase(),
            bus: InMemoryBus(time: time),
            runtime: runtime,
            workflows: WorkflowEngine(service: "hashes", database: NoDatabase(), runtime: runtime),
            channels: { _ in LocalChannel(to: LocalServices(), time: runtime.time) }
        )
        #expect(try await hash("a", until: time.now + .seconds(1), on: platform) == Self.slowHash("a"))
        await #expect(throws: Fault.self) { try await hash("a", until: time.now, on: platform) }
    }

    @Test("refuses one work more than may run and wait")
    func full() async throws {
        let pool = BlockingPool(threads: 1, waitingMax: 1)
        let gate = DispatchSemaphore(value: 0)
        async let first = pool.run(until: nil, time: time) {
            gate.wait()
            return 1
        }
        await wait(for: 1, in: pool)
        async let second = pool.run(until: nil, time: time) { 2 }
        await wait(for: 2, in: pool)
        await #expect(throws: BlockingPoolFull()) { try await pool.run(until: nil, time: time) { 3 } }
        gate.signal()
        #expect(try await [first, second] == [1, 2])
        await wait(for: 0, in: pool)
        #expect(try await pool.run(until: nil, time: time) { 4 } == 4)
    }

    @Test("at the deadline: the caller gets its answer, running work keeps its thread, and waiting work never runs")
    func deadline() async throws {
        let pool = BlockingPool(threads: 1, waitingMax: 1)
        let gate = DispatchSemaphore(value: 0)
        let begun = Flag()
        let hasRun = Flag()
        let (time, end) = (time, time.now + .seconds(1))
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await isLate {
                    try await pool.run(until: end, time: time) {
                        begun.set()
                        gate.wait()
                    }
                }
            }
            while !begun.isSet, !Task.isCancelled { await Task.yield() }
            group.addTask {
                await isLate { try await pool.run(until: end, time: time) { hasRun.set() } }
            }
            await wait(for: 2, in: pool)
            time.advance(by: .seconds(1))
            for await isLate in group { #expect(isLate) }
        }
        #expect(pool.unfinishedCount == 2)
        gate.signal()
        await wait(for: 0, in: pool)
        #expect(!hasRun.isSet)
    }

    private func isLate(_ body: () async throws -> Void) async -> Bool {
        do { try await body() } catch { return (error as? Fault)?.code == .deadlineExceeded }
        return false
    }
}
