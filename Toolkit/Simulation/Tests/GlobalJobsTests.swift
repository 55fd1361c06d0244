import MartletCore
import MartletSimulation
import Testing

/// Each in a process of its own, since the runtime's hooks are the process's, and other tests have jobs too.
@Suite("Jobs that escape a simulation")
struct GlobalJobsTests {
    @Test("are none when all keeps to the executor")
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

    @Test("are counted when a task is detached, and when it is given to the process's executor by name")
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

    @Test("are counted when a task sleeps by the machine's clocks, even when it is cancelled before it would wake up")
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

    @Test("are counted when they go to the main actor, whether or not anybody waits for them")
    func main() async {
        await #expect(processExitsWith: .success) {
            try #require(GlobalJobs.watch())
            let before = GlobalJobs.count(.main)
            try Simulation(seed: 1).run { _ = Task { @MainActor in } }
            let between = GlobalJobs.count(.main)
            #expect(between > before)
            // It may be given up before the main actor has run: nothing inside can go on until then.
            let waiting = Simulation(seed: 1)
            _ = try? waiting.run { await MainActor.run {} }
            #expect(GlobalJobs.count(.main) > between)
            #expect(waiting.executor.steps > 0)
        }
    }

    @Test("run all the same while they are counted")
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
