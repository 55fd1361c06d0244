import MartletCore
import MartletSimulation
import SimulatedCluster

/// Waits until a healed world is quiescent.
struct Convergence: Sendable {
    /// How long after the faults have healed the world must be quiescent.
    static let limit = Duration.seconds(600)
    /// The same for the control: lost events never arrive.
    private static let controlLimit = Duration.seconds(60)
    private static let pollInterval = Duration.seconds(1)
    private static let pollIntervalMax = Duration.seconds(20)

    let world: ShopWorld
    let backgroundOperations: BackgroundOperations?
    let poisonMessages: PoisonMessages
    let endingEvents: EndingEvents

    /// How long after the faults have healed this world may take to become quiescent.
    var limit: Duration { world.variant == .naive ? Self.controlLimit : Self.limit }

    /// The state of the world, with the planted events that must have taken effect.
    func snapshot(checksInvariants: Bool) async throws -> StateSnapshot {
        try await StateSnapshot(
            of: world,
            external: try (backgroundOperations?.expected() ?? []) + poisonMessages.expected()
                + endingEvents.expected(),
            checksInvariants: checksInvariants
        )
    }

    /// Waits until the world is quiescent.
    ///
    /// - Returns: The pending work when that takes too long; otherwise empty.
    func wait(since begin: Moment) async throws -> [String] {
        let end = begin + limit
        var interval = Self.pollInterval
        while world.time.now < end {
            world.cluster.startMissing()
            if try await pendingWork().isEmpty { return [] }
            try await world.time.sleep(for: interval)
            // Work that is still pending takes long, or never ends.
            interval = min(interval * 1.25, Self.pollIntervalMax)
        }
        return try await pendingWork()
    }

    /// The pending work; empty when the world is quiescent.
    private func pendingWork() async throws -> [String] {
        guard let snapshot = try? await snapshot(checksInvariants: false),
            let restores = try? await world.pendingRestores()
        else { return ["a database does not respond"] }
        let runs = snapshot.runs.filter { $0.state == "open" }
        let returns = snapshot.orders.values.filter { $0.openReturns != 0 }
        let counts = [
            ("events are not published", snapshot.unsent), ("runs are open", runs.count),
            ("orders have open returns", returns.count),
            ("payments have a provider that disagrees", snapshot.disagreements),
            ("events have not reached the auditor", max(0, snapshot.published.count - snapshot.audited.count)),
        ]
        return counts.filter { $0.1 > 0 }.map { "\($0.1) \($0.0)" }
            + snapshot.waiting.map { "\($0.events) events wait for \($0.group)" } + restores
    }
}
