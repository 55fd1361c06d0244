import MartletCore
import MartletHost
import MartletSimulation
import SimulatedCluster
import Testing

@Suite("Jobs of replicas")
struct JobReplicasTests {
    /// How far the clocks of the replicas are ahead.
    private static let skews: [Duration] = [.zero, .seconds(3_600), .seconds(-3_600)]

    /// What is wrong with the ticks of two minutes.
    ///
    /// - Parameter pause: How long the replica of a run is paused; `nil`: none is.
    private func violations<Blueprint: ServiceBlueprint>(
        of blueprint: Blueprint.Type,
        pause: Duration?
    ) throws -> [String] where Blueprint.Settings == TickingSettings {
        let simulation = Simulation(seed: 1)
        return try simulation.run {
            let replicas = try await JobReplicas(of: blueprint, skews: Self.skews, in: simulation)
            defer { replicas.close() }
            if let pause { try await replicas.pauseRun(for: pause) }
            try await simulation.time.sleep(for: .seconds(120))
            // Each takes a second, and the latencies of the database.
            return try await replicas.violations(atLeast: 10)
        }
    }

    @Test("tick once in each period with clocks an hour apart")
    func clocks() throws {
        #expect(try violations(of: TickingService.self, pause: nil) == [])
    }

    @Test("tick once in each period when the replica of a run is paused for longer than its lease")
    func pause() throws {
        #expect(try violations(of: TickingService.self, pause: .seconds(45)) == [])
    }

    @Test("that write past their runs tick twice in a period after such a pause")
    func unfenced() throws {
        #expect(try violations(of: UnfencedTicking.self, pause: nil) == [])
        #expect(try violations(of: UnfencedTicking.self, pause: .seconds(45)).contains("a run ticked twice"))
    }

    @Test("that run on every replica tick more than once in a period")
    func shared() throws {
        #expect(try violations(of: SharedTicking.self, pause: nil).contains { $0.hasPrefix("two ticks") })
    }

    @Test("tick once in each period in a world whose processes have wrong clocks, are paused and end", arguments: 1...5)
    func world(seed: Int) throws {
        var world = try SimulatedWorld([TickingService.self])
        world.replicas = 3
        let result = world.run(seed: UInt64(seed), faults: [.pause, .clockSkew, .crash]) { world in
            try await world.time.sleep(for: .seconds(180))
        } check: { world in
            try await world.read(TickingService.name) { tx in try Ticks.violations(atLeast: 3, in: tx) }
        }
        #expect(result.violations == [])
    }
}
