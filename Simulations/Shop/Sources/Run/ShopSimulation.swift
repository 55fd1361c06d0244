import MartletSimulation
import MartletTesting
import SimulatedCluster
import SimulatedDisk

/// The whole shop under a seed: set up, put under load and faults, healed, and checked.
package struct ShopSimulation: Sendable {
    /// Step limits, many times what a world needs: an endless loop must end.
    private static let stepsOfWorld = 1_000_000
    private static let stepsOfOrder = 20_000
    private static let spanLimit = Duration.seconds(200 * 24 * 3_600)

    private let deployments: [Deployment]
    private let templates: [String: DiskImage]
    /// The consumer groups of each topic.
    private let consumers: [String: [String]]
    /// The names of crash points.
    private let points: [String]

    /// - Parameter points: Names of crash points.
    package init(points: [String]) throws {
        deployments = try Deployment.underPolicy(ShopDeployments.all)
        templates = try Deployment.templates(of: ShopDeployments.all)
        consumers = try Deployment.consumers(of: ShopDeployments.all)
        self.points = points
    }

    /// Simulates many days without faults, with some orders on each.
    ///
    /// - Returns: The sizes of all tables at the end.
    /// - Throws: What prevents the shop from continuing.
    package func sizes(afterDays days: Int, ordersPerDay: Int, seed: UInt64) throws -> [TableSize] {
        let scenario = Scenario(seed: seed, orders: ordersPerDay, faults: [], isWhole: true)
        var limits = Simulation.Limits()
        limits.span = .seconds(Int64(days + 2) * 24 * 3_600)
        limits.steps = days * Self.limits(of: scenario).steps
        let simulation = Simulation(seed: seed, limits: limits)
        let entropy = SeededEntropy(seed: seed)
        let plan = WorldPlan(scenario, entropy: entropy)
        let deployments = deployments.filter { $0.name != AuditorService.name }
        let (endingHandlers, upgrades) = (EndingHandlers(), Upgrades(of: nil))
        let world = ShopWorld(
            Cluster(
                of: deployments,
                plan.cluster,
                in: simulation,
                templates: templates,
                faults: FaultInjector([:], entropy: entropy.fork()),
                entropy: entropy.fork(),
                crashSchedule: nil,
                hooks: ShopProcesses.hooks(.martlet, endingHandlers: endingHandlers, upgrades: upgrades)
            ),
            variant: .martlet,
            consumers: consumers,
            endingHandlers: endingHandlers,
            upgrades: upgrades
        )
        defer {
            world.cluster.close()
            simulation.runRemaining()
        }
        let workload = Workload.long(entropy: entropy.fork(), units: LongRun.stock)
        let run = LongRun(world, days: days, ordersPerDay: ordersPerDay)
        return try simulation.run { try await run.run(workload) }
    }

    package func run(_ scenario: Scenario) -> SimulationResult { run(scenario, alongside: nil) }

    /// - Parameter extraTask: Runs beside the customers, for tests of what a world detects.
    func run(_ scenario: Scenario, alongside extraTask: (@Sendable () async throws -> Void)?) -> SimulationResult {
        let simulation = Simulation(seed: scenario.seed, limits: Self.limits(of: scenario))
        let entropy = SeededEntropy(seed: scenario.seed)
        let plan = WorldPlan(scenario, entropy: entropy)
        let faults = FaultInjector(plan.cluster.faults.rates, first: plan.opportunities, entropy: entropy.fork())
        let endingHandlers = EndingHandlers()
        let upgrades = Upgrades(plan.cluster, entropy: entropy)
        let world = ShopWorld(
            Cluster(
                of: deployments,
                plan.cluster,
                in: simulation,
                templates: templates,
                faults: faults,
                entropy: entropy.fork(),
                crashSchedule: plan.crashSchedule,
                hooks: ShopProcesses.hooks(plan.variant, endingHandlers: endingHandlers, upgrades: upgrades)
            ),
            variant: plan.variant,
            consumers: consumers,
            endingHandlers: endingHandlers,
            upgrades: upgrades
        )
        defer {
            world.cluster.close()
            simulation.runRemaining()
        }
        let workload: Workload =
            scenario.crashes.map { .crashPoints($0.rounds) }
            ?? Workload(orders: scenario.orders, entropy: entropy.fork())
        let worldRun = WorldRun(
            world: world,
            workload: workload,
            rounds: scenario.crashes?.rounds,
            entropy: entropy,
            points: points,
            extraTask: extraTask
        )
        return Self.result(of: worldRun, scenario: scenario, plan: plan)
    }

    private static func limits(of scenario: Scenario) -> Simulation.Limits {
        var limits = Simulation.Limits()
        limits.span = spanLimit
        limits.steps = stepsOfWorld + scenario.orders * stepsOfOrder
        return limits
    }

    /// Runs a world to its end.
    private static func result(of worldRun: WorldRun, scenario: Scenario, plan: WorldPlan) -> SimulationResult {
        let world = worldRun.world
        let begin = world.time.now
        var violations: [Violation] = []
        var ending: WorldRun.Ending?
        do {
            ending = try world.cluster.simulation.run { try await worldRun.run() }
        } catch {
            let details = world.cluster.diagnosis.joined(separator: ", ")
            violations = [Violation(.notConverged, "the run did not end: \(error); \(details)")]
        }
        violations += ending?.violations ?? []
        violations += worldRun.observations.violations
        violations += world.upgrades.violations
        violations += world.cluster.reports.map { Violation(.crashed, $0) }
        violations += world.cluster.network.reports.map { Violation(.wrongInstance, $0) }
        for fault in plan.cluster.missing(in: world.faults) where scenario.isWhole {
            violations.append(Violation(.notConverged, "the fault \(fault.rawValue) was enabled and never injected"))
        }
        if let crashes = scenario.crashes, !crashes.rules.isEmpty, plan.crashSchedule?.fired == 0 {
            violations.append(Violation(.notConverged, "nothing passed the first crash point of \(crashes.text)"))
        }
        return SimulationResult(
            of: scenario,
            plan: plan,
            world: world,
            begin: begin,
            ending: ending,
            violations: violations
        )
    }
}
