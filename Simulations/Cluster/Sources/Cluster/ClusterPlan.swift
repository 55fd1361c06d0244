import MartletCore
package import MartletSimulation
package import MartletTesting

/// What a seed determines before the cluster exists: its shape, its replicas, and its faults.
package struct ClusterPlan: Sendable {
    private static let replicasLimit: UInt64 = 3
    /// Replicas of a cluster with planned crashes: one keeps running while the other is down.
    private static let crashReplicas = 2

    package let topology: DeploymentShape
    package let replicas: Int
    package let faults: FaultPlan

    /// - Parameters:
    ///   - allowed: The faults that may happen.
    ///   - isWhole: Whether all of them are enabled, or the seed chooses among them.
    ///   - crashes: The planned crashes, with their shape; `nil` when the fault scheduler injects faults.
    package init(_ allowed: Set<SimulatedFault>, isWhole: Bool, crashes: CrashPlan?, entropy: SeededEntropy) {
        let drawn = DeploymentShape.allCases[Int(entropy.number(below: 2))]
        // Faults that were requested by name must be possible.
        let needsCluster = isWhole && !allowed.isDisjoint(with: FaultPlan.clusterOnly)
        topology = crashes?.topology ?? (needsCluster ? .cluster : drawn)
        faults = FaultPlan(allowed, isWhole: isWhole, topology: topology, entropy: entropy.fork())
        let drawnReplicas = 1 + Int(entropy.number(below: Self.replicasLimit))
        // Two versions need two processes.
        let replicasMin = crashes != nil || faults.rates[.mixedVersions] != nil ? Self.crashReplicas : 1
        replicas = crashes == nil ? max(replicasMin, drawnReplicas) : Self.crashReplicas
    }

    /// The enabled faults that were not injected.
    package func missing(in injected: FaultInjector) -> [SimulatedFault] {
        faults.rates.keys.filter { injected.counts[$0] == nil }.sorted()
    }
}
