import MartletSimulation
import Testing

@testable import SimulatedCluster

@Suite("Simulated restore")
struct RestoredWorldTests {
    /// One run of two clients, who create ten parcels each; the parcels are counted by their events.
    private func result(seed: UInt64, _ faults: Set<SimulatedFault>) throws -> WorldResult {
        let clients = ParcelClients(parcels: 10)
        var world = try SimulatedWorld([ParcelsService.self, ShelvesService.self])
        world.restorable = ShelvesService.name
        return world.run(seed: seed, faults: faults) { world in
            try await clients.work(in: world)
        } check: { world in
            try await clients.storedViolations(in: world) + clients.countedViolations(in: world)
        }
    }

    @Test("of the event log, from a backup or without one: each event is handled once", arguments: UInt64(1)...10)
    func log(seed: UInt64) throws {
        let result = try result(seed: seed, [.logRestored])
        #expect(result.violations == [])
        #expect(result.faults == [.logRestored: 1])
    }

    @Test("of a consumer: each event is counted once", arguments: UInt64(1)...10)
    func consumer(seed: UInt64) throws {
        let result = try result(seed: seed, [.consumerRestored])
        #expect(result.violations == [])
        #expect(result.faults == [.consumerRestored: 1])
    }

    @Test("of both, beside crashes and repeated deliveries: each event is counted once", arguments: UInt64(1)...10)
    func both(seed: UInt64) throws {
        let faults: Set<SimulatedFault> = [
            .logRestored, .consumerRestored, .crash, .powerLoss, .deliveryRepeated, .publicationRefused,
        ]
        let result = try result(seed: seed, faults)
        #expect(result.violations == [])
    }
}
