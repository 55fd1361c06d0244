import MartletCore
import MartletSimulation
import MartletTesting
import Testing

@Suite("A simulation")
struct SimulationTests {
    /// Forty tasks that sleep, write their names down, and meet in an actor.
    private func diary(seed: UInt64) throws -> (names: [Int], trace: Fingerprint) {
        let simulation = Simulation(seed: seed)
        let time = simulation.time
        let names = try simulation.run {
            let diary = Diary()
            await withTaskGroup(of: Void.self) { group in
                for name in 0..<40 {
                    group.addTask(priority: name % 3 == 0 ? .high : .low) {
                        try? await time.sleep(for: .milliseconds(name % 4))
                        await diary.write(name)
                    }
                }
            }
            return await diary.names
        }
        #expect(simulation.executor.foreignJobs == 0)
        return (names, simulation.executor.trace)
    }

    @Test("repeats itself for equal seeds", arguments: [0, 1, 2, UInt64.max])
    func equalSeeds(seed: UInt64) throws {
        let (first, second) = (try diary(seed: seed), try diary(seed: seed))
        #expect(first.names == second.names)
        #expect(first.trace == second.trace)
    }

    @Test("takes another course for another seed")
    func otherSeeds() throws {
        let diaries = try (1...20).map { try diary(seed: $0) }
        #expect(Set(diaries.map(\.names)).count == 20)
        #expect(Set(diaries.map(\.trace)).count == 20)
        #expect(diaries.allSatisfy { Set($0.names) == Set(0..<40) })
    }

    @Test("wakes sleepers by their moments")
    func order() throws {
        let names = try diary(seed: 7).names
        #expect(names.map { $0 % 4 } == names.map { $0 % 4 }.sorted())
    }

    @Test("passes a year without waiting for it")
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

    @Test("ends when a deadline passes before its body")
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

    @Test("says that a program waits for something that cannot come")
    func stuck() throws {
        let simulation = Simulation(seed: 1)
        let (stream, feed) = AsyncStream<Int>.makeStream()
        #expect(throws: Simulation.Failure.stuck(at: simulation.time.now)) {
            try simulation.run { for await _ in stream {} }
        }
        feed.finish()
        simulation.executor.drain()
    }

    @Test("gives up a program that never rests, and one that never ends")
    func limits() throws {
        var limits = Simulation.Limits()
        limits.steps = 1_000
        let restless = Simulation(seed: 1, limits: limits)
        #expect(throws: Simulation.Failure.tooManySteps(at: restless.time.now)) {
            try restless.run { while !Task.isCancelled { await Task.yield() } }
        }
        limits = Simulation.Limits()
        limits.span = .seconds(10)
        let endless = Simulation(seed: 1, limits: limits)
        #expect(throws: Simulation.Failure.tooLong) {
            try endless.run { [time = endless.time] in while true { try await time.sleep(for: .seconds(1)) } }
        }
    }

    @Test("counts a job that comes from another thread")
    func foreign() throws {
        let simulation = Simulation(seed: 1)
        let time = simulation.time
        let shared = ForeignLatch()
        try simulation.run {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await withCheckedContinuation { shared.keep($0) } }
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

private actor Diary {
    private(set) var names: [Int] = []

    func write(_ name: Int) { names.append(name) }
}
