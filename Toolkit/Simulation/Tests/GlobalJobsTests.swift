import MartletCore
import MartletSimulation
import Testing

/// Each test runs in its own process, since the runtime's hooks are global and other tests have jobs too.
@Suite("Jobs that escape a simulation")
struct GlobalJobsTests {
    @Test("none while all tasks run on the seeded executor")
    func none() async {
        await #expect(processExitsWith: .success) {
            try #require(GlobalJobs.watch())
            let simulation = Simulation(seed: 1)
            let time = simulation.time
            let before = GlobalJobs.count
            try simulation.run { try await time.sleep(for: .seconds(1)) }
            #expect(GlobalJobs.count == before)
        }
    }

    @Test("counted: a detached task, and a task that names the process's executor")
    func detached() async {
        await #expect(processExitsWith: .success) {
            try #require(GlobalJobs.watch())
            let before = GlobalJobs.count(.now)
            try Simulation(seed: 1).run { _ = Task.detached {} }
            let between = GlobalJobs.count(.now)
            #expect(between > before)
            try Simulation(seed: 1).run { _ = Task(executorPreference: globalConcurrentExecutor) {} }
            #expect(GlobalJobs.count(.now) > between)
        }
    }

    @Test("counted: a sleep on the system's clocks, even when it is cancelled before it ends")
    func sleepers() async {
        await #expect(processExitsWith: .success) {
            try #require(GlobalJobs.watch())
            let forever = UInt64(3_600_000_000_000)
            let sleeps: [@Sendable () async throws -> Void] = [
                { try await Task.sleep(nanoseconds: forever) }, { try await Task.sleep(for: .nanoseconds(forever)) },
                { try await Task.sleep(until: .now + .nanoseconds(forever), clock: .continuous) },
                { try await Task.sleep(until: .now + .nanoseconds(forever), clock: .suspending) },
            ]
            for (index, sleep) in sleeps.enumerated() {
                let simulation = Simulation(seed: 1)
                let time = simulation.time
                let before = GlobalJobs.count(.later)
                try simulation.run {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await sleep() }
                        try await time.sleep(for: .seconds(1))
                        group.cancelAll()
                    }
                }
                #expect(GlobalJobs.count(.later) == before + 1, "sleep \(index)")
                #expect(simulation.executor.foreignJobs == 0)
            }
        }
    }

    @Test("counted: a job of the main actor, awaited or not")
    func main() async {
        await #expect(processExitsWith: .success) {
            try #require(GlobalJobs.watch())
            let before = GlobalJobs.count(.main)
            try Simulation(seed: 1).run { _ = Task { @MainActor in } }
            let between = GlobalJobs.count(.main)
            #expect(between > before)
            // The run may be stopped before the main actor has run: no task inside can continue until then.
            let waiting = Simulation(seed: 1)
            _ = try? waiting.run { await MainActor.run {} }
            #expect(GlobalJobs.count(.main) > between)
            #expect(waiting.executor.steps > 0)
        }
    }

    @Test("still run while they are counted")
    func run() async {
        await #expect(processExitsWith: .success) {
            try #require(GlobalJobs.watch())
            let sum = try await Task.detached {
                try await Task.sleep(for: .nanoseconds(1))
                return await MainActor.run { 1 } + 1
            }.value
            #expect(sum == 2)
        }
    }
}
