import Testing

@testable import ShopSimulation

@Suite("A verdict")
struct VerdictTests {
    private func verdict(foreign: Int = 0, escaped: Int = 0) -> Verdict {
        let simulation = try? ShopSimulation(points: [])
        let sound = simulation?.run(Scenario(seed: 1, orders: 1, faults: [], isWhole: true))
        var verdict = sound ?? Verdict(lost: Scenario(seed: 1, orders: 1, faults: [], isWhole: true), "no simulation")
        verdict.foreignJobs += foreign
        verdict.escapedJobs = escaped
        return verdict
    }

    @Test("is not sound when jobs came from outside or went there, or nobody could tell")
    func jobs() {
        #expect(verdict().isSound)
        #expect(!verdict(foreign: 1).isSound)
        #expect(!verdict(escaped: 1).isSound)
        #expect(!verdict(escaped: -1).isSound)
    }

    @Test("of a control that only comes to no rest, or only loses events, leaves the audit blind")
    func blindControl() {
        let (lost, twice) = (Invariant.messageLost.rawValue, Invariant.effectTwice.rawValue)
        #expect(Verdict.unseen(inControl: [Invariant.notConverged.rawValue: 16]) == [lost, twice])
        #expect(Verdict.unseen(inControl: [lost: 16, twice: 0]) == [twice])
        #expect(Verdict.unseen(inControl: [lost: 1, twice: 1]) == [])
    }
}
