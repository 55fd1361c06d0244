import MartletHost
import MartletSimulation
import Synchronization
import Testing

@testable import SimulatedCluster

@Suite("Violation that a simulated world reports by itself")
struct WorldViolationTests {
    private struct Failure: Error {}

    /// The violations of a run without faults, in which two clients create one parcel each.
    private func violations(of world: SimulatedWorld) -> [String] {
        let clients = ParcelClients(parcels: 1)
        return world.run(seed: 1, faults: []) { world in
            try await clients.work(in: world)
        } check: { world in
            try await clients.storedViolations(in: world)
        }.violations
    }

    @Test("none: runs that wait for timers end, since time is skipped")
    func timers() throws {
        let world = try SimulatedWorld([RemindingParcels<MonthlyReminder>.self])
        #expect(violations(of: world) == [])
    }

    @Test("none: a fake serves calls, and each run makes its own")
    func fakes() throws {
        let scales = Mutex<[Scales]>([])
        let world = try SimulatedWorld(
            [WeighingParcels.self],
            fakes: [
                Scales.name: {
                    let one = Scales()
                    scales.withLock { $0.append(one) }
                    return [one.contract]
                }
            ]
        )
        #expect(violations(of: world) == [])
        #expect(violations(of: world) == [])
        #expect(scales.withLock { $0.map(\.calls) } == [2, 2])
    }

    @Test("a key is parked")
    func parkedKey() throws {
        let world = try SimulatedWorld([ParcelsService.self, FailingShelves.self])
        let violations = violations(of: world)
        #expect(violations.count == 2)
        for violation in violations {
            #expect(violation.hasPrefix("shelves: group shelves has parked the key parcel-"))
        }
    }

    @Test("a run is open")
    func openRun() throws {
        let world = try SimulatedWorld([RemindingParcels<EndlessReminder>.self])
        let violations = violations(of: world)
        #expect(violations.count == 1)
        #expect(violations.first?.contains("parcels: the run parcel-1 of endless is open") == true)
    }

    @Test("an event is not published, and not delivered")
    func unsentEvents() throws {
        var hooks = ProcessHooks()
        hooks.loops = { runtime, _ in runtime.loops.filter { $0.name != "outbox relay" } }
        let unsent = violations(
            of: try SimulatedWorld([ParcelsService.self, ShelvesService.self], fakes: [:], hooks: hooks)
        )
        #expect(unsent.count == 1)
        #expect(unsent.first?.contains("parcels: 2 events are not published") == true)
        hooks.loops = { runtime, _ in runtime.loops.filter { $0.name != "subscriptions" } }
        let waiting = violations(
            of: try SimulatedWorld([ParcelsService.self, ShelvesService.self], fakes: [:], hooks: hooks)
        )
        #expect(waiting.count == 1)
        #expect(waiting.first?.contains("shelves has not joined") == true)
    }

    @Test("replicas of which only one publishes")
    func unequalShares() throws {
        var hooks = ProcessHooks()
        hooks.loops = { runtime, dependencies in
            runtime.loops.filter { $0.name != "outbox relay" || dependencies.instance.hasSuffix("-1") }
        }
        var world = try SimulatedWorld([ParcelsService.self, ShelvesService.self], fakes: [:], hooks: hooks)
        world.replicas = 3
        let found = violations(of: world).filter { $0.contains("are not shared: parcels-1 has 8") }
        #expect(found.count == 1)
    }

    @Test("a background loop ended")
    func endedLoop() throws {
        var hooks = ProcessHooks()
        hooks.loops = { runtime, _ in runtime.loops + [.init("short", .consumers) {}] }
        let world = try SimulatedWorld([ParcelsService.self], fakes: [:], hooks: hooks)
        #expect(violations(of: world).contains { $0.hasSuffix("short returned") })
    }

    @Test("the workload or the check failed")
    func failures() throws {
        let world = try SimulatedWorld([ParcelsService.self])
        let workload = world.run(seed: 1, faults: []) { _ in
            throw Failure()
        } check: { _ in
            ["not called"]
        }
        #expect(workload.violations == ["the workload failed: Failure()"])
        let check = world.run(seed: 1, faults: []) { _ in
        } check: { _ in
            throw Failure()
        }
        #expect(check.violations == ["the check failed: Failure()"])
    }

    @Test("the run did not end")
    func endless() throws {
        var world = try SimulatedWorld([ParcelsService.self])
        world.stepsMax = 20_000
        let result = world.run(seed: 1, faults: []) { _ in
            while !Task.isCancelled { await Task.yield() }
        } check: { _ in
            []
        }
        #expect(result.violations.first?.hasPrefix("the run did not end: tooManySteps") == true)
    }
}
