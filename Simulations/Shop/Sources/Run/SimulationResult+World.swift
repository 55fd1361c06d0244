import MartletCore
import MartletSimulation
import SimulatedCluster

extension SimulationResult {
    /// The result of a world that has run.
    ///
    /// - Parameters:
    ///   - begin: When the run began.
    ///   - ending: The results at its end; `nil` when the run did not end.
    init(
        of scenario: Scenario,
        plan: WorldPlan,
        world: ShopWorld,
        begin: Moment,
        ending: WorldRun.Ending?,
        violations: [Violation]
    ) {
        let (executor, faults, counts) = (world.cluster.simulation.executor, world.faults, world.network.counts)
        let skipped = world.skippedTime.total
        self.init(
            seed: scenario.seed,
            orders: scenario.orders,
            topology: plan.cluster.topology.rawValue,
            hash: Self.hash(of: world, ending?.history.snapshot),
            steps: executor.steps,
            foreignJobs: executor.foreignJobs,
            simulatedMilliseconds: (world.time.now - begin - skipped).milliseconds,
            leaptMilliseconds: skipped.milliseconds,
            outcomes: ending?.outcomes ?? [:],
            calls: counts.calls,
            failedCalls: counts.failures,
            events: ending?.history.snapshot.published.count ?? 0,
            enabled: plan.cluster.faults.rates.keys.map(\.rawValue).sorted(),
            idle: plan.cluster.missing(in: faults).filter { faults.opportunities[$0] == nil }.map(\.rawValue),
            faults: Dictionary(uniqueKeysWithValues: faults.counts.map { ($0.key.rawValue, $0.value) }),
            points: world.cluster.slots.points,
            crashes: scenario.crashes,
            fired: plan.crashSchedule?.fired ?? 0,
            sites: plan.crashSchedule?.sites ?? [:],
            findings: violations.map {
                Finding(
                    invariant: $0.invariant.rawValue,
                    what: $0.what,
                    aggregate: $0.aggregate,
                    history: ending?.history.lines(of: $0.aggregate) ?? []
                )
            }
        )
    }

    /// Covers every choice of the run, and the state at its end.
    private static func hash(of world: ShopWorld, _ snapshot: StateSnapshot?) -> String {
        var hash = world.cluster.trace
        snapshot?.add(to: &hash)
        return hash.description
    }
}
