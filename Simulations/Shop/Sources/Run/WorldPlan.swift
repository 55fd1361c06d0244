import MartletCore
import MartletSimulation
import MartletTesting

/// What a scenario and its seed determine before the world exists.
struct WorldPlan: Sendable {
    private static let replicasLimit: UInt64 = 3
    /// Replicas of a cluster with planned crashes: one keeps running while the other is down.
    private static let crashReplicas = 2
    /// A world with fewer customers may have only one opportunity for a fault.
    private static let smallWorld = 50
    private static let firstOpportunities = 24

    let topology: DeploymentShape
    let replicas: Int
    let faults: FaultPlan
    let variant: Scenario.Variant
    /// Each enabled fault is injected once within this many opportunities.
    let opportunities: Int
    /// The planned crashes; `nil` when the fault scheduler injects faults.
    let crashSchedule: CrashSchedule?

    init(_ scenario: Scenario, entropy: SeededEntropy) {
        let drawn = DeploymentShape.allCases[Int(entropy.number(below: 2))]
        // Faults that were requested by name must be possible.
        let needsCluster = scenario.isWhole && !scenario.faults.isDisjoint(with: FaultPlan.clusterOnly)
        topology = scenario.crashes?.topology ?? (needsCluster ? .cluster : drawn)
        crashSchedule = scenario.crashes.map(CrashSchedule.init)
        faults = FaultPlan(
            scenario.faults,
            isWhole: scenario.isWhole,
            topology: topology,
            entropy: entropy.fork()
        )
        let drawnReplicas = 1 + Int(entropy.number(below: Self.replicasLimit))
        // Two versions need two processes.
        let replicasMin = scenario.crashes != nil || faults.rates[.mixedVersions] != nil ? Self.crashReplicas : 1
        replicas = scenario.crashes == nil ? max(replicasMin, drawnReplicas) : Self.crashReplicas
        variant = scenario.variant
        opportunities = scenario.orders < Self.smallWorld ? 1 : Self.firstOpportunities
    }

    /// The enabled faults that were not injected.
    func missing(in injected: FaultInjector) -> [SimulatedFault] {
        faults.rates.keys.filter { injected.counts[$0] == nil }.sorted()
    }
}
