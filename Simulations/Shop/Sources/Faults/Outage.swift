import MartletCore
import MartletSimulation
import MartletTesting
import SimulatedDisk

/// Hours or days in which nothing runs, whatever was going on: the power is gone, or the computers are asleep.
///
/// Time leaps, which costs nothing: nobody looks for work meanwhile.
struct Outage: Sendable {
    /// In hours: shorter than a customer's key lives.
    private static let shortLimit: UInt64 = 6 * 24
    /// Longer than that.
    private static let longest: UInt64 = 30 * 24
    private static let longLeast: UInt64 = 8 * 24
    private static let look = Duration.seconds(1)
    /// After which what has been started has purged what is old.
    private static let purgePause = Duration.seconds(65)

    let world: ShopWorld
    let entropy: any Entropy

    /// Comes in the middle of everything.
    func come() async {
        guard let frozen = await freeze() else { return }
        defer { for machine in frozen { machine.resume() } }
        // Who waits for the end does not wait for days.
        guard world.faults.isActive else { return }
        world.faults.count(.outage)
        if entropy.number(below: 3) > 0 {
            world.losePower(entropy.number(below: 2) == 0 ? nil : Survival.any(entropy))
        }
        world.leap(by: hours(1...Self.shortLimit))
    }

    /// Comes when all is at rest; what is old is gone afterwards.
    ///
    /// - Returns: Whether the keys of customers are too old.
    func comeAtRest() async throws -> Bool {
        for machine in await freeze() ?? [] { machine.resume() }
        // Keys are as old as both times together.
        let left = Self.shortLimit - min(Self.shortLimit, UInt64(world.longestLeap.components.seconds) / 3_600)
        let isShort = left > 24 && entropy.number(below: 2) == 0
        let isOff = entropy.number(below: 4) == 0
        if isOff { world.losePower(nil) }
        world.leap(by: hours(isShort ? 24...left : Self.longLeast...Self.longest))
        // Whoever was asleep purges at once, and whoever starts after a while.
        try await world.time.sleep(for: isOff ? Self.purgePause : Self.look)
        return !isShort
    }

    /// Freezes everything at a moment at which all that was published can be noted: what is purged unseen cannot be told from
    /// what never was.
    ///
    /// - Returns: What is to be resumed; `nil` when there is no more time.
    private func freeze() async -> [Machine]? {
        while !Task.isCancelled {
            let frozen = world.freezeAll()
            if await remember() { return frozen }
            for machine in frozen { machine.resume() }
            try? await world.time.sleep(for: Self.look)
        }
        return nil
    }

    private func hours(_ range: ClosedRange<UInt64>) -> Duration {
        let hours = range.lowerBound + entropy.number(below: range.upperBound - range.lowerBound)
        return .seconds(Int64(hours * 3_600 + entropy.number(below: 3_600)))
    }

    /// Notes what was published, before the outboxes forget it a day later.
    ///
    /// - Returns: Whether every database answered.
    private func remember() async -> Bool {
        var isWhole = true
        for name in world.stores.keys.sorted() where name != "eventlog" {
            if let sent = try? await Books.sent(by: name, in: world) {
                world.chronicle.keep(sent, of: name)
            } else {
                isWhole = false
            }
        }
        return isWhole
    }
}
