import MartletHost
import MartletSimulation
import SimulatedCluster
import SimulatedDisk
import Synchronization
import Testing

@Suite("Simulated world")
struct SimulatedWorldTests {
    /// One run of two clients, who create ten parcels each; the parcels are counted by their events.
    private func result(of world: SimulatedWorld, seed: UInt64, faults: Set<SimulatedFault>) -> WorldResult {
        let clients = ParcelClients(parcels: 10)
        return world.run(seed: seed, faults: faults) { world in
            try await clients.work(in: world)
        } check: { world in
            try await clients.storedViolations(in: world) + clients.countedViolations(in: world)
        }
    }

    @Test("without faults: sound")
    func noFaults() throws {
        let world = try SimulatedWorld([ParcelsService.self, ShelvesService.self])
        let result = result(of: world, seed: 1, faults: [])
        #expect(result.violations == [])
        #expect(result.faults.isEmpty)
        #expect(result.seed == 1)
    }

    @Test("sound services: sound under the faults of every seed")
    func sound() throws {
        let world = try SimulatedWorld([ParcelsService.self, ShelvesService.self])
        var injected: Set<SimulatedFault> = []
        for seed in UInt64(1)...20 {
            let result = result(of: world, seed: seed, faults: .all)
            #expect(result.violations == [], "seed \(seed)")
            injected.formUnion(result.faults.keys)
        }
        #expect(injected.isSuperset(of: [.crash, .pause, .partition, .powerLoss, .answerLost, .databaseSlow]))
        #expect(injected.isSubset(of: .all))
    }

    @Test("three replicas of each service share its outbox, and publish in time when one of them ends")
    func replicas() throws {
        var world = try SimulatedWorld([ParcelsService.self, ShelvesService.self])
        world.replicas = 3
        for (seed, faults) in [(1, []), (2, [.crash]), (3, .all)] as [(UInt64, Set<SimulatedFault>)] {
            #expect(result(of: world, seed: seed, faults: faults).violations == [], "seed \(seed)")
        }
    }

    @Test("faults requested by name: all of them are injected")
    func requestedFaults() throws {
        let world = try SimulatedWorld([ParcelsService.self, ShelvesService.self])
        let faults: Set<SimulatedFault> = [.crash, .crashPoint, .databaseAway, .syncFailure]
        let result = result(of: world, seed: 3, faults: faults)
        #expect(result.violations == [])
        #expect(Set(result.faults.keys) == faults)
    }

    @Test("the files of a world are freed when it has ended")
    func memory() throws {
        let disks = Disks()
        var hooks = ProcessHooks()
        hooks.served = { channel, process in
            disks.add(process.cluster.stores[process.deployment.name]?.disk)
            return channel
        }
        let world = try SimulatedWorld([ParcelsService.self, ShelvesService.self], fakes: [:], hooks: hooks)
        #expect(result(of: world, seed: 1, faults: []).violations == [])
        #expect(disks.count >= 3)
        #expect(disks.bytes == 0)
    }

    @Test("equal seeds give equal runs, and a different seed a different one")
    func repeats() throws {
        let world = try SimulatedWorld([ParcelsService.self, ShelvesService.self])
        let first = result(of: world, seed: 7, faults: .all)
        let second = result(of: world, seed: 7, faults: .all)
        #expect(first.hash == second.hash)
        #expect(first.steps == second.steps)
        #expect(first.faults == second.faults)
        #expect(first.hash != result(of: world, seed: 8, faults: .all).hash)
    }

    @Test("a service that ignores the idempotency key: a seed finds the second parcel")
    func keyless() throws {
        let world = try SimulatedWorld([KeylessParcels.self, ShelvesService.self])
        let faults: Set<SimulatedFault> = [.answerLost, .resetAfter, .requestRepeated]
        let found = (UInt64(1)...40).lazy.map { result(of: world, seed: $0, faults: faults) }.first {
            $0.violations.contains { $0.contains("parcels were acknowledged") }
        }
        #expect(found != nil)
    }

    @Test("a service that publishes in a second transaction: a seed finds the lost event")
    func twoCommits() throws {
        let world = try SimulatedWorld([TwoCommitParcels.self, ShelvesService.self])
        let faults: Set<SimulatedFault> = [.crashPoint, .databaseAway, .databaseSlow]
        let found = (UInt64(1)...60).lazy.map { result(of: world, seed: $0, faults: faults) }.first {
            $0.violations.contains { $0.contains("were counted") }
        }
        #expect(found != nil)
    }
}

/// The disks of a world, beyond its end.
private final class Disks: Sendable {
    private let disks = Mutex<[Disk]>([])

    func add(_ disk: Disk?) { disks.withLock { $0 += [disk].compactMap(\.self) } }

    var count: Int { disks.withLock { $0.count } }
    var bytes: Int { disks.withLock { $0.reduce(0) { $0 + $1.image.bytes } } }
}
