import MartletSimulation
import MartletTesting
import Testing

@testable import ShopSimulation

/// Each in a process of its own, where nobody else has jobs.
@Suite("A world in which something leaves the simulation")
struct EscapeTests {
    /// One customer, and whatever `guest` does meanwhile.
    private static func verdict(beside guest: (@Sendable () async throws -> Void)?) throws -> Verdict {
        let simulation = try ShopSimulation(points: [])
        let scenario = Scenario(seed: 1, orders: 1, faults: [], isWhole: true)
        return Worker.counted(GlobalJobs.watch()) { simulation.run(scenario, beside: guest) }
    }

    /// Waits for a thread; only one that comes after the wait has begun has anybody to resume.
    private static func resumedByThread() async {
        let waiting = ForeignLatch()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await withCheckedContinuation { waiting.keep($0) } }
            // Once it is kept and somebody else runs, it waits.
            while !waiting.isKept { await Task.yield() }
            waiting.resumeElsewhere()
        }
    }

    @Test("is as sound as ever when nothing does")
    func nothing() async {
        await #expect(processExitsWith: .success) {
            let verdict = try EscapeTests.verdict { await Task.yield() }
            #expect(verdict.findings.map(\.what) == [])
            #expect(verdict.escapedJobs == 0)
            #expect(verdict.foreignJobs == 0)
            #expect(verdict.isSound)
        }
    }

    @Test("is not sound when that is a detached task")
    func detached() async {
        await #expect(processExitsWith: .success) {
            let verdict = try EscapeTests.verdict { _ = Task.detached {} }
            #expect(verdict.findings.map(\.what) == [])
            #expect(verdict.escapedJobs == 1)
            #expect(!verdict.isSound)
        }
    }

    @Test("is not sound when that is a sleep by the machine's clocks")
    func sleeper() async {
        await #expect(processExitsWith: .success) {
            let verdict = try EscapeTests.verdict {
                // Cancelled long before it ends, so that nothing comes back from another thread.
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { try? await Task.sleep(for: .seconds(3_600)) }
                    for _ in 0..<100 { await Task.yield() }
                    group.cancelAll()
                }
            }
            #expect(verdict.findings.map(\.what) == [])
            #expect(verdict.escapedJobs == 1)
            #expect(!verdict.isSound)
        }
    }

    @Test("is not sound when that goes to the main actor")
    func main() async {
        await #expect(processExitsWith: .success) {
            let verdict = try EscapeTests.verdict { _ = Task { @MainActor in } }
            #expect(verdict.findings.map(\.what) == [])
            #expect(verdict.escapedJobs == 1)
            #expect(!verdict.isSound)
        }
    }

    @Test("is not sound when that is a thread that resumes a task")
    func thread() async {
        await #expect(processExitsWith: .success) {
            let verdict = try EscapeTests.verdict { await EscapeTests.resumedByThread() }
            #expect(verdict.findings.map(\.what) == [])
            #expect(verdict.escapedJobs == 0)
            #expect(verdict.foreignJobs == 1)
            #expect(!verdict.isSound)
        }
    }
}
