import Logging
import MartletCore
import MartletHost
import MartletMessaging
import MartletSQL
import MartletSimulation
import MartletTelemetry
import MartletTesting
import SimulatedCluster
import SimulatedDisk
import Synchronization

/// Replicas of a service that ticks, on one database, each with a clock of its own.
final class JobReplicas: Sendable {
    private let simulation: Simulation
    private let store = Store(DiskImage(), entropy: SeededEntropy(seed: 1))
    private let entropy = SeededEntropy(seed: 2)
    private let faults = FaultInjector([:], entropy: SeededEntropy(seed: 3))
    private let machines: [Machine]
    /// Whether the next run that begins pauses its replica, and which one was paused.
    private let pausing = Mutex((isPlanned: false, paused: Machine?.none))

    /// Starts a replica for each of `skews`: how far its clock is ahead.
    init<Blueprint: ServiceBlueprint>(
        of blueprint: Blueprint.Type,
        skews: [Duration],
        in simulation: Simulation
    ) async throws where Blueprint.Settings == TickingSettings {
        self.simulation = simulation
        machines = skews.enumerated().map { Machine("replica-\($0.offset)", in: simulation, skew: $0.element) }
        try store.open(time: simulation.time) { _ in }
        try await store.current().migrate(ServiceRuntime.migrations(of: Blueprint.self))
        for machine in machines { try start(blueprint, on: machine) }
    }

    private func start<Blueprint: ServiceBlueprint>(_ blueprint: Blueprint.Type, on machine: Machine) throws
    where Blueprint.Settings == TickingSettings {
        let runtime = Runtime(time: machine.time, entropy: entropy)
        var dependencies = ServiceDependencies(
            database: MachineDatabase(of: machine, isShared: true, faults: faults, entropy: entropy) { [store] in
                try store.current()
            },
            bus: InMemoryBus(time: machine.time),
            runtime: runtime,
            telemetry: Telemetry(service: Blueprint.name, level: .critical, time: machine.time),
            connect: { _ in LocalChannel(to: LocalServices(), time: machine.time) }
        )
        dependencies.instance = machine.name
        dependencies.settings = [TickingSettings { [weak self] in self?.began(on: machine) }]
        let service = try ServiceRuntime(built: Blueprint.self, on: dependencies)
        for loop in service.loops where loop.name == "job tick" {
            machine.spawn { try? await loop.run() }
        }
    }

    private func began(on machine: Machine) {
        let isPaused = pausing.withLock { pausing in
            guard pausing.isPlanned else { return false }
            pausing = (false, machine)
            return true
        }
        if isPaused { machine.pause() }
    }

    /// Pauses the replica of the next run after the run has begun, and resumes it after `duration`.
    func pauseRun(for duration: Duration) async throws {
        pausing.withLock { $0.isPlanned = true }
        while pausing.withLock({ $0.isPlanned }) { try await simulation.time.sleep(for: .milliseconds(100)) }
        try await simulation.time.sleep(for: duration)
        pausing.withLock { $0.paused }?.resume()
    }

    /// What is wrong with the ticks, in words.
    func violations(atLeast count: Int) async throws -> [String] {
        try await store.inspect { (tx: borrowing SQLTransaction) in try Ticks.violations(atLeast: count, in: tx) }
    }

    func close() { for machine in machines { machine.crash() } }
}
