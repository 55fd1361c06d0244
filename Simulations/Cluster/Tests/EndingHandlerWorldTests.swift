import MartletCore
import MartletHost
import MartletMessaging
import MartletSimulation
import Synchronization
import Testing

@testable import SimulatedCluster

@Suite("Simulated handler that ends its process")
struct EndingHandlerWorldTests {
    /// Which event ends the processes that handle it: the first that any handles.
    private final class Defect: Sendable {
        private let state = Mutex<(key: ExactText?, left: Int)>((nil, 0))

        /// - Parameter times: How often the event ends a process.
        init(times: Int) { state.withLock { $0.left = times } }

        func endsProcess(_ key: ExactText) -> Bool {
            state.withLock { state in
                let chosen = state.key ?? key
                state.key = chosen
                guard chosen == key, state.left > 0 else { return false }
                state.left -= 1
                return true
            }
        }
    }

    /// A run without other faults, in which two clients create three parcels each.
    private func run(seed: UInt64, times: Int) throws -> (result: WorldResult, uncounted: [String]) {
        let (defect, clients) = (Defect(times: times), ParcelClients(parcels: 3))
        var hooks = ProcessHooks()
        hooks.endsProcess = { event, _ in defect.endsProcess(ExactText(event.key)) }
        let world = try SimulatedWorld([ParcelsService.self, ShelvesService.self], fakes: [:], hooks: hooks)
        let uncounted = Mutex<[String]>([])
        let result = world.run(seed: seed, faults: []) { world in
            try await clients.work(in: world)
        } check: { world in
            let found = try await clients.countedViolations(in: world)
            uncounted.withLock { $0 = found }
            return try await clients.storedViolations(in: world)
        }
        return (result, uncounted.withLock { $0 })
    }

    @Test(
        "always: its event is parked with the reason after two marked attempts, and all others are handled",
        arguments: 1...8
    )
    func always(seed: UInt64) throws {
        let (result, uncounted) = try run(seed: seed, times: .max)
        #expect(result.violations.count == 1)
        let violation = result.violations.first ?? ""
        #expect(violation.hasPrefix("shelves: group shelves has parked the key "), "\(violation)")
        #expect(violation.hasSuffix(": ended the process"), "\(violation)")
        #expect(uncounted == ["6 parcels are stored, 5 were counted"])
        // Each of up to three replicas once without a marker, and twice behind one.
        #expect((3...5).contains(result.faults[.handlerEndsProcess, default: 0]))
    }

    @Test("once: its event is handled, and nothing is parked", arguments: 1...8)
    func once(seed: UInt64) throws {
        let (result, uncounted) = try run(seed: seed, times: 1)
        #expect(result.violations == [])
        #expect(uncounted == [])
        #expect(result.faults[.handlerEndsProcess] == 1)
    }
}
