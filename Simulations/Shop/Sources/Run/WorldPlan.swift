import MartletCore
import MartletTesting
import SimulatedCluster

/// What a scenario and its seed determine before the world exists.
struct WorldPlan: Sendable {
    /// A world with fewer customers may have only one opportunity for a fault.
    private static let smallWorld = 50
    private static let firstOpportunities = 24

    let cluster: ClusterPlan
    let variant: Scenario.Variant
    /// Each enabled fault is injected once within this many opportunities.
    let opportunities: Int
    /// The planned crashes; `nil` when the fault scheduler injects faults.
    let crashSchedule: CrashSchedule?

    init(_ scenario: Scenario, entropy: SeededEntropy) {
        crashSchedule = scenario.crashes.map(CrashSchedule.init)
        cluster = ClusterPlan(
            scenario.faults,
            isWhole: scenario.isWhole,
            crashes: scenario.crashes,
            replicas: scenario.replicas,
            entropy: entropy
        )
        variant = scenario.variant
        opportunities = scenario.orders < Self.smallWorld ? 1 : Self.firstOpportunities
    }
}
