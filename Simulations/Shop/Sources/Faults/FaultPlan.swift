import MartletCore
import MartletSimulation
import MartletTesting

/// Which faults a world has, and how often: some worlds have few of them and much of each, others many and little.
struct FaultPlan: Sendable {
    /// How likely each fault is at one opportunity, at most.
    private static let ceilings: [SimulatedFault: Double] = [
        .slowCall: 0.02, .requestLost: 0.01, .answerLost: 0.01, .resetBefore: 0.02, .resetAfter: 0.02,
        .requestRepeated: 0.05, .staleRegistry: 0.5, .databaseAway: 0.01, .databaseSlow: 0.005, .databaseConflict: 0.2,
        .commitUnknown: 0.01,
        .deliveryRepeated: 0.2, .deliveryReordered: 0.5, .storedFailure: 0.05,
        .clockSkew: 0.5,
    ]
    /// How many of the worlds have what makes the others' course another.
    private static let shares: [SimulatedFault: Double] = [.outage: 0.25, .lateRequest: 0.2]
    private static let share = 0.6
    /// What is brought about from time to time, and not at opportunities.
    static let scheduled: Set<SimulatedFault> = [
        .crash, .crashPoint, .powerLoss, .pause, .clockJump, .partition, .diskFull, .syncFailure,
        .diskError, .outage,
    ]
    /// Faults that a world of its own topology alone can have.
    static let clusterOnly: Set<SimulatedFault> = [
        .databaseAway, .commitUnknown, .databaseConflict, .mixedVersions,
    ]

    let rates: [SimulatedFault: Double]

    /// - Parameters:
    ///   - allowed: Chosen from by chance.
    ///   - isWhole: Whether all that are allowed are enabled.
    init(_ allowed: Set<SimulatedFault>, isWhole: Bool, topology: Topology, entropy: SeededEntropy) {
        var rates: [SimulatedFault: Double] = [:]
        for fault in allowed.sorted() {
            let (isChosen, share) = (entropy.fraction() < Self.shares[fault] ?? Self.share, entropy.fraction())
            guard isWhole || isChosen else { continue }
            guard topology == .cluster || !Self.clusterOnly.contains(fault) else { continue }
            rates[fault] = (Self.ceilings[fault] ?? 1) * share * share
        }
        self.rates = rates
    }
}
