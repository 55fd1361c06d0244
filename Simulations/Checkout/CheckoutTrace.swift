import Foundation
import MartletCore
import MartletHost
import MartletSimulation
import MartletTesting

/// One run: the shop opens, customers order at the same time, and everything comes to rest.
enum CheckoutTrace {
    static func run(seed: UInt64) throws -> Report {
        let simulation = Simulation(seed: seed)
        let time = simulation.time
        let begin = time.now
        let day = try simulation.run { try await openDay(time, SeededEntropy(seed: seed)) }
        return Report(
            seed: seed,
            trace: simulation.executor.trace.description,
            steps: simulation.executor.steps,
            foreignJobs: simulation.executor.foreignJobs,
            virtualMilliseconds: (time.now - begin).milliseconds,
            day: day
        )
    }

    private static func openDay(_ time: VirtualTime, _ entropy: SeededEntropy) async throws -> Day {
        let shop = try await SimulatedShop(time: time, entropy: entropy)
        let town = Town(of: shop, entropy: entropy.fork())
        return try await withThrowingTaskGroup(of: Day?.self) { group in
            for runtime in shop.runtimes {
                for loop in runtime.loops {
                    group.addTask {
                        try await loop.run()
                        throw LoopEnded(service: runtime.name, loop: loop.name)
                    }
                }
            }
            group.addTask { try await town.spendDay() }
            defer { group.cancelAll() }
            guard case .some(.some(let day)) = try await group.next() else { throw CancellationError() }
            return day
        }
    }

    /// A loop has no end but its task's.
    private struct LoopEnded: Error {
        let service: String
        let loop: String
    }
}

/// What came of a run.
struct Report: Codable {
    let seed: UInt64
    /// Of every choice of the scheduler and every step of the clock.
    let trace: String
    let steps: Int
    let foreignJobs: Int
    let virtualMilliseconds: Int64
    let day: Day

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}

/// What customers and the books say when everything has come to rest.
struct Day: Codable {
    struct Order: Codable {
        let customer: String
        let orderID: String
        let status: String
        let reason: String
        let captured: Int64
        let refunded: Int64
        let timeline: [String]
    }

    struct Stock: Codable {
        let sku: String
        let onHand: Int64
        let available: Int64
    }

    /// By customer.
    let orders: [Order]
    /// By SKU.
    let stock: [Stock]
    /// Of all timelines, with their times.
    let timelines: String
    /// Of all events that the broker took, with their bytes.
    let events: String
    let published: Int
    /// Of all calls, with what came of them.
    let calls: String
    let callsMade: Int
    let callsFailed: Int
    let ledgerBalances: Bool
    let providerAgrees: Bool
}
