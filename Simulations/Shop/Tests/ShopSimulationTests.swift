import MartletSimulation
import Testing

@testable import ShopSimulation

@Suite("The simulated shop")
struct ShopSimulationTests {
    @Test("is sound without faults, and does what people want")
    func noFaults() throws {
        let simulation = try ShopSimulation(points: [])
        let verdict = simulation.run(Scenario(seed: 1, orders: 20, faults: [], isWhole: true))
        #expect(verdict.findings.map(\.what) == [])
        #expect(verdict.isSound)
        #expect(verdict.outcomes["completed", default: 0] > 0)
        #expect(verdict.faults.isEmpty)
    }

    @Test("forgets nothing through days in which nothing runs, and answers who asks again afterwards")
    func days() throws {
        let simulation = try ShopSimulation(points: [])
        let faults: Set<SimulatedFault> = [.outage, .lateRequest]
        let verdict = simulation.run(Scenario(seed: 3, orders: 20, faults: faults, isWhole: true))
        #expect(verdict.findings.map(\.what) == [])
        #expect(verdict.faults["outage"] == 1)
        #expect(verdict.faults["lateRequest", default: 0] > 0)
        #expect(verdict.leaptMilliseconds > 24 * 3_600_000)
    }

    @Test("takes the same course for the same seed, and another one for another")
    func repeats() throws {
        let simulation = try ShopSimulation(points: [])
        func hash(_ seed: UInt64) -> String {
            simulation.run(Scenario(seed: seed, orders: 5, faults: [.crash, .resetAfter], isWhole: false)).hash
        }
        #expect(hash(7) == hash(7))
        #expect(hash(7) != hash(8))
    }
}
