import MartletSimulation
import MartletTesting
import Testing

@testable import ShopSimulation

/// Each test runs in its own process, without jobs of other tests.
@Suite("World with nondeterminism")
struct NondeterminismTests {
    /// Simulates one customer, and `extraTask` concurrently.
    private static func result(alongside extraTask: (@Sendable () async throws -> Void)?) throws -> SimulationResult {
        let simulation = try ShopSimulation(points: [])
        let scenario = Scenario(seed: 1, orders: 1, faults: [], isWhole: true)
        return Worker.countingEscapedJobs(GlobalJobs.watch()) { simulation.run(scenario, alongside: extraTask) }
    }

    /// Waits until another thread resumes the task; the thread starts after the wait has begun.
    private static func resumedByThread() async {
        let waiting = ForeignLatch()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await withCheckedContinuation { waiting.store($0) } }
            // The task waits once its continuation is stored.
            while !waiting.holdsContinuation { await Task.yield() }
            waiting.resumeElsewhere()
        }
    }

    @Test("sound without such a job")
    func nothing() async {
        await #expect(processExitsWith: .success) {
            let result = try NondeterminismTests.result { await Task.yield() }
            #expect(result.findings.map(\.what) == [])
            #expect(result.escapedJobs == 0)
            #expect(result.foreignJobs == 0)
            #expect(result.isSound)
        }
    }

    @Test("not sound with a detached task")
    func detached() async {
        await #expect(processExitsWith: .success) {
            let result = try NondeterminismTests.result { _ = Task.detached {} }
            #expect(result.findings.map(\.what) == [])
            #expect(result.escapedJobs == 1)
            #expect(!result.isSound)
        }
    }

    @Test("not sound with a sleep on the system's clocks")
    func sleeper() async {
        await #expect(processExitsWith: .success) {
            let result = try NondeterminismTests.result {
                // Cancelled long before it ends, so that no job is enqueued by another thread.
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { try? await Task.sleep(for: .seconds(3_600)) }
                    for _ in 0..<100 { await Task.yield() }
                    group.cancelAll()
                }
            }
            #expect(result.findings.map(\.what) == [])
            #expect(result.escapedJobs == 1)
            #expect(!result.isSound)
        }
    }

    @Test("not sound with a job on the main actor")
    func main() async {
        await #expect(processExitsWith: .success) {
            let result = try NondeterminismTests.result { _ = Task { @MainActor in } }
            #expect(result.findings.map(\.what) == [])
            #expect(result.escapedJobs == 1)
            #expect(!result.isSound)
        }
    }

    @Test("not sound with a task that another thread resumes")
    func thread() async {
        await #expect(processExitsWith: .success) {
            let result = try NondeterminismTests.result { await NondeterminismTests.resumedByThread() }
            #expect(result.findings.map(\.what) == [])
            #expect(result.escapedJobs == 0)
            #expect(result.foreignJobs == 1)
            #expect(!result.isSound)
        }
    }
}
