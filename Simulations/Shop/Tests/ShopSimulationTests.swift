import MartletSimulation
import Testing

@testable import ShopSimulation

@Suite("Simulated shop")
struct ShopSimulationTests {
    @Test("is sound without faults, and completes orders")
    func noFaults() throws {
        let simulation = try ShopSimulation(points: [])
        let result = simulation.run(Scenario(seed: 1, orders: 20, faults: [], isWhole: true))
        #expect(result.findings.map(\.what) == [])
        #expect(result.isSound)
        #expect(result.outcomes["completed", default: 0] > 0)
        #expect(result.faults.isEmpty)
    }

    @Test("is sound with three replicas of each service, some of which crash or are replaced")
    func replicas() throws {
        let simulation = try ShopSimulation(points: [])
        var scenario = Scenario(seed: 1, orders: 10, faults: [.crash, .mixedVersions], isWhole: true)
        scenario.replicas = 3
        let result = simulation.run(scenario)
        #expect(result.findings.map(\.what) == [])
        #expect(result.isSound)
    }

    @Test("is sound after an outage of days, and with late requests afterwards")
    func days() throws {
        let simulation = try ShopSimulation(points: [])
        let faults: Set<SimulatedFault> = [.outage, .lateRequest]
        let result = simulation.run(Scenario(seed: 3, orders: 20, faults: faults, isWhole: true))
        #expect(result.findings.map(\.what) == [])
        #expect(result.faults["outage"] == 1)
        #expect(result.faults["lateRequest", default: 0] > 0)
        #expect(result.leaptMilliseconds > 24 * 3_600_000)
    }

    @Test("a caller whose deadlines are too short refuses no other caller's requests", arguments: 1...4)
    func haste(_ seed: UInt64) throws {
        let simulation = try ShopSimulation(points: [])
        let result = simulation.run(Scenario(seed: seed, orders: 2, faults: [.earlyDeadlines], isWhole: true))
        #expect(result.findings.map(\.what) == [])
        #expect(result.faults == ["earlyDeadlines": 1])
    }

    @Test("nothing is booked that a provider did otherwise, and an operator corrects it", arguments: 1...3)
    func otherEffects(_ seed: UInt64) throws {
        let simulation = try ShopSimulation(points: [])
        let result = simulation.run(Scenario(seed: seed, orders: 20, faults: [.otherEffect], isWhole: true))
        #expect(result.findings.map(\.what) == [])
        #expect(result.faults["otherEffect", default: 0] > 0)
    }

    @Test("an event whose handler ends the process is parked, all others are handled once", arguments: 1...4)
    func endingHandlers(_ seed: UInt64) throws {
        let simulation = try ShopSimulation(points: [])
        let result = simulation.run(Scenario(seed: seed, orders: 10, faults: [.handlerEndsProcess], isWhole: true))
        #expect(result.findings.map(\.what) == [])
        #expect(result.faults["handlerEndsProcess", default: 0] > 0)
    }

    @Test("kills beside handlers that end their process park nothing else", arguments: 1...4)
    func endingHandlersAndKills(_ seed: UInt64) throws {
        let simulation = try ShopSimulation(points: [])
        let faults: Set<SimulatedFault> = [.handlerEndsProcess, .crash, .poisonedMessage]
        let result = simulation.run(Scenario(seed: seed, orders: 10, faults: faults, isWhole: true))
        #expect(result.findings.map(\.what) == [])
    }

    @Test("a lost or restored event log gets everything again, beside events that cannot be handled", arguments: 1...6)
    func restoredLog(_ seed: UInt64) throws {
        let simulation = try ShopSimulation(points: [])
        let faults: Set<SimulatedFault> = [.logRestored, .poisonedMessage, .handlerEndsProcess]
        let result = simulation.run(Scenario(seed: seed, orders: 20, faults: faults, isWhole: true))
        #expect(result.findings.map(\.what) == [])
        #expect(result.faults["logRestored"] == 1)
    }

    @Test("a restored consumer handles each event once", arguments: 1...6)
    func restoredConsumer(_ seed: UInt64) throws {
        let simulation = try ShopSimulation(points: [])
        let faults: Set<SimulatedFault> = [.consumerRestored, .logRestored, .crash]
        let result = simulation.run(Scenario(seed: seed, orders: 20, faults: faults, isWhole: true))
        #expect(result.findings.map(\.what) == [])
        #expect(result.faults["consumerRestored"] == 1)
    }

    @Test("equal seeds give equal runs, and a different seed a different one")
    func repeats() throws {
        let simulation = try ShopSimulation(points: [])
        func hash(_ seed: UInt64) -> String {
            simulation.run(Scenario(seed: seed, orders: 5, faults: [.crash, .resetAfter], isWhole: false)).hash
        }
        #expect(hash(7) == hash(7))
        #expect(hash(7) != hash(8))
    }
}
