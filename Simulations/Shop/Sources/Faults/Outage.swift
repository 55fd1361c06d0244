import MartletCore
import MartletSimulation
import MartletTesting
import SimulatedCluster
import SimulatedDisk

/// Hours or days in which nothing runs: the computers are off or suspended.
///
/// Time skips this span at no cost: no process polls meanwhile.
struct Outage: Sendable {
    /// In hours: shorter than the lifetime of a customer's idempotency key.
    private static let shortHoursMax: UInt64 = 6 * 24
    /// In hours: longer than that lifetime.
    private static let longHoursMax: UInt64 = 30 * 24
    private static let longHoursMin: UInt64 = 8 * 24
    private static let pollInterval = Duration.seconds(1)
    /// After which restarted processes have purged expired data.
    private static let purgeDelay = Duration.seconds(65)

    let world: ShopWorld
    let entropy: any Entropy

    /// Runs an outage in the middle of the workload.
    func run() async {
        guard let paused = await pauseAll() else { return }
        defer { for machine in paused { machine.resume() } }
        // The wait for quiescence must not take days.
        guard world.faults.isActive else { return }
        world.faults.count(.outage)
        if entropy.number(below: 3) > 0 {
            world.cluster.losePower(entropy.number(below: 2) == 0 ? nil : Survival.any(entropy))
        }
        world.skippedTime.skip(by: hours(1...Self.shortHoursMax))
    }

    /// Runs an outage of a quiescent world; expired data is purged afterwards.
    ///
    /// - Returns: Whether the customers' idempotency keys have expired.
    func runWhenIdle() async throws -> Bool {
        for machine in await pauseAll() ?? [] { machine.resume() }
        // The age of a key is the sum of both outages.
        let left =
            Self.shortHoursMax - min(Self.shortHoursMax, UInt64(world.skippedTime.longest.components.seconds) / 3_600)
        let isShort = left > 24 && entropy.number(below: 2) == 0
        let isOff = entropy.number(below: 4) == 0
        if isOff { world.cluster.losePower(nil) }
        world.skippedTime.skip(by: hours(isShort ? 24...left : Self.longHoursMin...Self.longHoursMax))
        // Resumed processes purge immediately, restarted ones after a delay.
        try await world.time.sleep(for: isOff ? Self.purgeDelay : Self.pollInterval)
        return !isShort
    }

    /// Pauses all machines at a moment at which all published events can be recorded: an event that is purged
    /// unrecorded looks as if it had never been published.
    ///
    /// - Returns: The machines to resume; `nil` when the task is cancelled.
    private func pauseAll() async -> [Machine]? {
        while !Task.isCancelled {
            let paused = world.cluster.pauseAll()
            if await recordPublished() { return paused }
            for machine in paused { machine.resume() }
            try? await world.time.sleep(for: Self.pollInterval)
        }
        return nil
    }

    private func hours(_ range: ClosedRange<UInt64>) -> Duration {
        let hours = range.lowerBound + entropy.number(below: range.upperBound - range.lowerBound)
        return .seconds(Int64(hours * 3_600 + entropy.number(below: 3_600)))
    }

    /// Records the published events, before the outboxes purge them a day later.
    ///
    /// - Returns: Whether every database responded.
    private func recordPublished() async -> Bool {
        var isWhole = true
        for name in world.stores.names where name != "eventlog" {
            if let sent = try? await StateSnapshot.sent(by: name, in: world) {
                world.publishedEvents.add(sent, of: name)
            } else {
                isWhole = false
            }
        }
        return isWhole
    }
}
