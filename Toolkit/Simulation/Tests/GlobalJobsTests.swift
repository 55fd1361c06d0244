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

    @Test("are counted when a task is detached")
    func detached() async {
        await #expect(processExitsWith: .success) {
            try #require(GlobalJobs.watch())
            let before = GlobalJobs.count
            await Task.detached {}.value
            #expect(GlobalJobs.count > before)
        }
    }
}
