import SimulatedCluster

extension CrashPlan {
    /// How often the workload is repeated: a point that a crash prevented is passed in the next round.
    var rounds: Int { rules.count + (rules.isEmpty ? 2 : 1) }
}
