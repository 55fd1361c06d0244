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
        // What is purged unseen cannot be told from what never was: nothing may happen between the look and the leap.
        while !world.isOpen {
            guard !Task.isCancelled else { return }
            try? await world.time.sleep(for: Self.look)
        }
        let frozen = world.freezeAll()
        await remember(isPatient: false)
        if entropy.number(below: 3) > 0 {
            world.losePower(entropy.number(below: 2) == 0 ? nil : Survival.any(entropy))
        }
        world.leap(by: hours(1...Self.shortLimit))
        await remember(isPatient: false)
        for machine in frozen { machine.resume() }
        await remember(isPatient: true)
    }

    /// Comes when all is at rest; what is old is gone afterwards.
    ///
    /// - Returns: Whether the keys of customers are too old.
    func comeAtRest() async throws -> Bool {
        await remember(isPatient: true)
        // Keys are as old as both times together.
        let left = Self.shortLimit - min(Self.shortLimit, UInt64(world.longestLeap.components.seconds) / 3_600)
        let isShort = left > 24 && entropy.number(below: 2) == 0
        let isOff = entropy.number(below: 4) == 0
        if isOff { world.losePower(nil) }
        world.leap(by: hours(isShort ? 24...left : Self.longLeast...Self.longest))
        await remember(isPatient: true)
        // Whoever was asleep purges at once, and whoever starts after a while.
        try await world.time.sleep(for: isOff ? Self.purgePause : Self.look)
        return !isShort
    }

    private func hours(_ range: ClosedRange<UInt64>) -> Duration {
        let hours = range.lowerBound + entropy.number(below: range.upperBound - range.lowerBound)
        return .seconds(Int64(hours * 3_600 + entropy.number(below: 3_600)))
    }

    /// Notes what was published, before the outboxes forget it a day later.
    ///
    /// - Parameter isPatient: Whether to wait for databases that are not open, which takes less time than their first purge.
    private func remember(isPatient: Bool) async {
        var left = world.stores.keys.filter { $0 != "eventlog" }.sorted()
        repeat {
            var away: [String] = []
            for name in left {
                if let sent = try? await Books.sent(by: name, in: world) {
                    world.chronicle.keep(sent, of: name)
                } else {
                    away.append(name)
                }
            }
            left = away
            guard isPatient, !left.isEmpty else { return }
            try? await world.time.sleep(for: Self.look)
        } while !Task.isCancelled
    }
}
