import Testing

@testable import ShopSimulation

@Suite("Simulation result")
struct SimulationResultTests {
    private func result(foreign: Int = 0, escaped: Int = 0) -> SimulationResult {
        let simulation = try? ShopSimulation(points: [])
        let sound = simulation?.run(Scenario(seed: 1, orders: 1, faults: [], isWhole: true))
        var result =
            sound ?? SimulationResult(failed: Scenario(seed: 1, orders: 1, faults: [], isWhole: true), "no simulation")
        result.foreignJobs += foreign
        result.escapedJobs = escaped
        return result
    }

    @Test("is not sound with foreign or escaped jobs, or when these could not be counted")
    func jobs() {
        #expect(result().isSound)
        #expect(!result(foreign: 1).isSound)
        #expect(!result(escaped: 1).isSound)
        #expect(!result(escaped: -1).isSound)
    }

    @Test("control: lists the invariants that it must violate and did not")
    func blindControl() {
        let (lost, twice) = (Invariant.messageLost.rawValue, Invariant.effectTwice.rawValue)
        #expect(SimulationResult.unseen(inControl: [Invariant.notConverged.rawValue: 16]) == [lost, twice])
        #expect(SimulationResult.unseen(inControl: [lost: 16, twice: 0]) == [twice])
        #expect(SimulationResult.unseen(inControl: [lost: 1, twice: 1]) == [])
    }
}
