import MartletCore
package import MartletSimulation
import MartletTesting

/// Which faults a world has, at which rates: some worlds have few at high rates, others many at low rates.
package struct FaultPlan: Sendable {
    /// The highest probability of each fault at one opportunity.
    private static let ratesMax: [SimulatedFault: Double] = [
        .slowCall: 0.02, .requestLost: 0.01, .answerLost: 0.01, .resetBefore: 0.02, .resetAfter: 0.02,
        .requestRepeated: 0.05, .staleRegistry: 0.5, .databaseAway: 0.01, .databaseSlow: 0.005, .databaseConflict: 0.2,
        .commitUnknown: 0.01,
        .publicationRefused: 0.05, .deliveryRepeated: 0.2, .deliveryReordered: 0.5, .storedFailure: 0.05,
        .otherEffect: 0.02,
        .clockSkew: 0.5,
    ]
    /// The share of worlds that have each of the faults that change the whole run, or cost much of it.
    private static let shares: [SimulatedFault: Double] = [
        .outage: 0.25, .lateRequest: 0.2, .earlyDeadlines: 0.1, .handlerEndsProcess: 0.3,
        .logRestored: 0.2, .consumerRestored: 0.2, .groupAway: 0.1, .versionBreaks: 0.3,
    ]
    private static let share = 0.6
    /// Faults that the scheduler injects from time to time, and not at opportunities.
    static let scheduled: Set<SimulatedFault> = [
        .crash, .crashPoint, .powerLoss, .pause, .clockJump, .partition, .diskFull, .syncFailure,
        .diskError, .outage, .logRestored, .consumerRestored, .groupAway,
    ]
    /// Drawn after all others, whose random numbers stay the same.
    private static let drawnLast: Set<SimulatedFault> = [.logRestored, .consumerRestored, .groupAway, .versionBreaks]
    /// What operators have done to parked events is forgotten with the database in which they have done it.
    private static let excludedByRestoredConsumer: Set<SimulatedFault> = [.poisonedMessage, .handlerEndsProcess]
    /// Faults that only a cluster can have.
    static let clusterOnly: Set<SimulatedFault> = [
        .databaseAway, .commitUnknown, .databaseConflict, .mixedVersions, .versionBreaks,
    ]

    package let rates: [SimulatedFault: Double]

    /// - Parameters:
    ///   - allowed: The faults to choose from at random.
    ///   - isWhole: Whether all allowed faults are enabled.
    init(_ allowed: Set<SimulatedFault>, isWhole: Bool, topology: DeploymentShape, entropy: SeededEntropy) {
        var rates: [SimulatedFault: Double] = [:]
        let order = allowed.subtracting(Self.drawnLast).sorted() + allowed.intersection(Self.drawnLast).sorted()
        for fault in order {
            let (isChosen, share) = (entropy.fraction() < Self.shares[fault] ?? Self.share, entropy.fraction())
            guard isWhole || isChosen else { continue }
            guard topology == .cluster || !Self.clusterOnly.contains(fault) else { continue }
            rates[fault] = (Self.ratesMax[fault] ?? 1) * share * share
        }
        if rates[.consumerRestored] != nil {
            for fault in Self.excludedByRestoredConsumer { rates[fault] = nil }
        }
        self.rates = rates
    }
}
