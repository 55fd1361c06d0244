import MartletCore
import MartletSimulation
import MartletTesting
import Testing

@Suite("Simulation")
struct SimulationTests {
    /// Forty tasks that sleep and append their names to an actor.
    private func recordRun(seed: UInt64) throws -> (names: [Int], trace: Fingerprint) {
        let simulation = Simulation(seed: seed)
        let time = simulation.time
        let names = try simulation.run {
            let log = NameLog()
            await withTaskGroup(of: Void.self) { group in
                for name in 0..<40 {
                    group.addTask(priority: name % 3 == 0 ? .high : .low) {
                        try? await time.sleep(for: .milliseconds(name % 4))
                        await log.write(name)
                    }
                }
            }
            return await log.names
        }
        #expect(simulation.executor.foreignJobs == 0)
        return (names, simulation.executor.trace)
    }

    @Test("equal seeds give equal runs", arguments: [0, 1, 2, UInt64.max])
    func equalSeeds(seed: UInt64) throws {
        let (first, second) = (try recordRun(seed: seed), try recordRun(seed: seed))
        #expect(first.names == second.names)
        #expect(first.trace == second.trace)
    }

    @Test("a different seed gives a different run")
    func otherSeeds() throws {
        let runs = try (1...20).map { try recordRun(seed: $0) }
        #expect(Set(runs.map(\.names)).count == 20)
        #expect(Set(runs.map(\.trace)).count == 20)
        #expect(runs.allSatisfy { Set($0.names) == Set(0..<40) })
    }

    @Test("wakes sleeping tasks in the order of their deadlines")
    func order() throws {
        let names = try recordRun(seed: 7).names
        #expect(names.map { $0 % 4 } == names.map { $0 % 4 }.sorted())
    }

    @Test("simulates a year without waiting for it")
    func year() throws {
        var limits = Simulation.Limits()
        limits.span = .seconds(400 * 86_400)
        let simulation = Simulation(seed: 1, limits: limits)
        let time = simulation.time
        let (begin, date) = (time.now, time.date)
        try simulation.run { for _ in 0..<365 { try await time.sleep(for: .seconds(86_400)) } }
        #expect(time.now - begin == .seconds(365 * 86_400))
        #expect(time.date - date == .seconds(365 * 86_400))
    }

    @Test("throws when a deadline passes before its body ends")
    func deadline() throws {
        let simulation = Simulation(seed: 3)
        let time = simulation.time
        let begin = time.now
        #expect(throws: Fault.self) {
            try simulation.run {
                try await withDeadline(begin + .seconds(2), time) { try await time.sleep(for: .seconds(60)) }
            }
        }
        #expect(time.now - begin == .seconds(2))
        #expect(time.sleeping == 0)
    }

    @Test("reports a program that waits for an event that cannot come as stuck")
    func stuck() throws {
        let simulation = Simulation(seed: 1)
        let (stream, feed) = AsyncStream<Int>.makeStream()
        #expect(throws: Simulation.Failure.stuck(at: simulation.time.now)) {
            try simulation.run { for await _ in stream {} }
        }
        feed.finish()
        simulation.executor.drain()
    }

    @Test("stops a program that never becomes idle, and one that never ends")
    func limits() throws {
        var limits = Simulation.Limits()
        limits.steps = 1_000
        let endlessJobs = Simulation(seed: 1, limits: limits)
        #expect(throws: Simulation.Failure.tooManySteps(at: endlessJobs.time.now)) {
            try endlessJobs.run { while !Task.isCancelled { await Task.yield() } }
        }
        limits = Simulation.Limits()
        limits.span = .seconds(10)
        let endlessSleep = Simulation(seed: 1, limits: limits)
        #expect(throws: Simulation.Failure.tooLong) {
            try endlessSleep.run { [time = endlessSleep.time] in while true { try await time.sleep(for: .seconds(1)) } }
        }
    }

    @Test("counts a job that comes from another thread")
    func foreign() throws {
        let simulation = Simulation(seed: 1)
        let time = simulation.time
        let shared = ForeignLatch()
        try simulation.run {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await withCheckedContinuation { shared.store($0) } }
                group.addTask {
                    try await time.sleep(for: .seconds(1))
                    shared.resumeElsewhere()
                }
                try await group.waitForAll()
            }
        }
        #expect(simulation.executor.foreignJobs == 1)
    }
}

private actor NameLog {
    private(set) var names: [Int] = []

    func write(_ name: Int) { names.append(name) }
}
