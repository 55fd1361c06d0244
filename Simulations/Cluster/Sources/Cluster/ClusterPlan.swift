import MartletCore
package import MartletSimulation
package import MartletTesting

/// What a seed determines before the cluster exists: its shape, its replicas, and its faults.
package struct ClusterPlan: Sendable {
    package static let replicasLimit = 3
    /// Replicas of a cluster with planned crashes: one keeps running while the other is down.
    private static let crashReplicas = 2

    package let topology: DeploymentShape
    package let replicas: Int
    package let faults: FaultPlan

    /// - Parameters:
    ///   - allowed: The faults that may happen.
    ///   - isWhole: Whether all of them are enabled, or the seed chooses among them.
    ///   - crashes: The planned crashes, with their shape; `nil` when the fault scheduler injects faults.
    ///   - requested: The replicas of each service, 1 to ``replicasLimit``; `nil`: the seed decides.
    package init(
        _ allowed: Set<SimulatedFault>,
        isWhole: Bool,
        crashes: CrashPlan?,
        replicas requested: Int?,
        entropy: SeededEntropy
    ) {
        precondition(1...Self.replicasLimit ~= requested ?? 1, "a cluster has 1 to 3 replicas of a service")
        let drawn = DeploymentShape.allCases[Int(entropy.number(below: 2))]
        // Faults that were requested by name must be possible.
        let needsCluster = requested != nil || isWhole && !allowed.isDisjoint(with: FaultPlan.clusterOnly)
        topology = crashes?.topology ?? (needsCluster ? .cluster : drawn)
        faults = FaultPlan(allowed, isWhole: isWhole, topology: topology, entropy: entropy.fork())
        let drawnReplicas = 1 + Int(entropy.number(below: UInt64(Self.replicasLimit)))
        // Two versions need two processes.
        let hasVersions = faults.rates[.mixedVersions] != nil || faults.rates[.versionBreaks] != nil
        let replicasMin = crashes != nil || hasVersions ? Self.crashReplicas : 1
        replicas = crashes == nil ? max(replicasMin, requested ?? drawnReplicas) : Self.crashReplicas
    }

    /// The enabled faults that were not injected.
    package func missing(in injected: FaultInjector) -> [SimulatedFault] {
        faults.rates.keys.filter { injected.counts[$0] == nil }.sorted()
    }
}
