import MartletCore
import MartletEventLog
import MartletHost
import MartletMessaging
import MartletSQL
import MartletSimulation
import MartletTestContract
import Synchronization
import Testing

@testable import SimulatedCluster

@Suite("Simulated group that is away for longer than events are stored")
struct AbsentGroupWorldTests {
    /// Which event was at each place of the log: purged events are not there any more.
    private final class Places: Sendable {
        private struct Place: Hashable {
            let partition: Int
            let number: Int64
        }

        private let keys = Mutex<[Place: ExactText]>([:])

        /// Notes what is stored; a log that does not run is read the next time.
        func note(in world: RunningWorld) async throws {
            let found = try? await world.read("eventlog") { (tx: borrowing SQLTransaction) in
                try tx.run("SELECT partition, number, key FROM audit_log_events WHERE source = 'parcels'").map {
                    (Place(partition: try $0.int(0), number: try $0.int64(1)), ExactText(try $0.text(2)))
                }
            }
            keys.withLock { $0.merge(found ?? []) { _, new in new } }
        }

        func keys(of losses: [(partition: Int, numbers: ClosedRange<Int64>)]) -> Set<ExactText> {
            let places = keys.withLock { $0 }
            return Set(
                places.filter { place, _ in
                    losses.contains { $0.partition == place.partition && $0.numbers.contains(place.number) }
                }.values
            )
        }
    }

    /// What became of the parcels' events at the shelves.
    private struct Outcome: Sendable {
        var published: Set<ExactText> = []
        var handled: Set<ExactText> = []
        var booked: Set<ExactText> = []
        /// As its service counts them.
        var bookedEvents = 0

        var lost: Set<ExactText> { published.subtracting(handled) }
    }

    /// Events are stored for three seconds, and a group keeps none after six seconds without a member.
    private static let limits: EventLogLimits = {
        var limits = EventLogLimits()
        limits.retention = .seconds(3)
        limits.groupAlarm = .seconds(3)
        limits.groupLimit = .seconds(6)
        limits.groupGrace = .seconds(2)
        limits.purgeInterval = .seconds(1)
        return limits
    }()

    /// One run of two clients, who create twenty parcels each; `rest` follows.
    private func run(
        seed: UInt64,
        _ faults: Set<SimulatedFault>,
        of parcels: any ServiceBlueprint.Type = ParcelsService.self,
        late: String? = nil,
        rest: (@Sendable (ParcelClients, RunningWorld) async throws -> Void)? = nil
    ) throws -> (result: WorldResult, outcome: Outcome) {
        let (clients, places) = (ParcelClients(parcels: 20), Places())
        let outcome = Mutex(Outcome())
        var world = try SimulatedWorld([parcels, ShelvesService.self])
        world.restorable = ShelvesService.name
        world.logLimits = Self.limits
        world.late = late
        let result = world.run(seed: seed, faults: faults) { world in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while true {
                        try await places.note(in: world)
                        try await world.time.sleep(for: .milliseconds(500))
                    }
                }
                try await clients.work(in: world)
                try await rest?(clients, world)
                // Until the last events are published.
                try await world.time.sleep(for: .seconds(8))
                group.cancelAll()
            }
        } check: { world in
            let found = try await Self.outcome(in: world, places)
            outcome.withLock { $0 = found }
            return try await clients.storedViolations(in: world)
        }
        return (result, outcome.withLock { $0 })
    }

    private static func outcome(in world: RunningWorld, _ places: Places) async throws -> Outcome {
        var outcome = Outcome()
        outcome.published = try await world.read("parcels") { (tx: borrowing SQLTransaction) in
            Set(
                try tx.run("SELECT key FROM audit_outbox WHERE topic NOT LIKE 'simulation.relays.%'").map {
                    ExactText(try $0.text(0))
                }
            )
        }
        outcome.handled = try await world.read("shelves") { (tx: borrowing SQLTransaction) in
            Set(try tx.run("SELECT key FROM audit_inbox_positions").map { ExactText(try $0.text(0)) })
        }
        // As its service has stored them.
        let losses = try await world.read("shelves") { (tx: borrowing SQLTransaction) in
            try tx.run(
                "SELECT partition, first_number, last_number, events FROM audit_losses WHERE group_name = 'shelves'"
            ).map { try (partition: $0.int(0), numbers: $0.int64(1)...$0.int64(2), events: $0.int(3)) }
        }
        outcome.booked = places.keys(of: losses.map { ($0.partition, $0.numbers) })
        outcome.bookedEvents = losses.reduce(0) { $0 + $1.events }
        return outcome
    }

    @Test("alone: what is booked as lost is what was not handled")
    func alone() throws {
        var lost = 0
        for seed in UInt64(1)...12 {
            let (result, outcome) = try run(seed: seed, [.groupAway])
            #expect(result.violations == [], "seed \(seed)")
            #expect(outcome.lost.isSubset(of: outcome.booked), "seed \(seed)")
            // The process was killed: one batch may have been handled and not acknowledged.
            #expect(outcome.booked.subtracting(outcome.lost).count <= 2, "seed \(seed)")
            #expect(outcome.bookedEvents == outcome.booked.count, "seed \(seed)")
            lost += outcome.lost.count
        }
        #expect(lost > 0)
    }

    @Test("beside crashes and refused publications: all that was not handled is booked", arguments: UInt64(1)...8)
    func crashes(seed: UInt64) throws {
        let (result, outcome) = try run(seed: seed, [.groupAway, .crash, .publicationRefused, .deliveryRepeated])
        #expect(result.violations == [])
        #expect(outcome.lost.isSubset(of: outcome.booked))
    }

    @Test("removed by an operator: what it had not acknowledged is booked, and it continues after its return")
    func removed() throws {
        let (result, outcome) = try run(seed: 1, []) { clients, world in
            try await world.time.sleep(for: .seconds(1))
            world.stop("shelves")
            try await clients.work(in: world)
            try await world.time.sleep(for: .seconds(1))
            var request = RemoveGroupRequest()
            request.topic = TestingTopics.parcelMoves.name
            request.group = "shelves"
            request.reason = "its service is away"
            let principal = Principal(user: "operator", scopes: ["operate"])
            let log = EventLogClient(over: world.channel(to: "eventlog"))
            _ = try await log.removeGroup(request, context: world.context(as: principal, key: nil))
            // Until the log has purged what no group keeps.
            try await world.time.sleep(for: .seconds(6))
            world.startStopped()
            try await world.time.sleep(for: .seconds(2))
            try await clients.work(in: world)
        }
        #expect(result.violations == [])
        #expect(outcome.published.count == 120)
        #expect(outcome.lost.count > 0 && outcome.lost.count <= 40)
        #expect(outcome.lost.isSubset(of: outcome.booked))
        #expect(outcome.bookedEvents == outcome.lost.count)
    }

    @Test("new, after events were purged: it handles what the log still has, and parks nothing")
    func late() throws {
        let (result, outcome) = try run(seed: 1, [], late: "shelves") { clients, world in
            try await world.time.sleep(for: .seconds(6))
            world.startStopped()
            try await world.time.sleep(for: .seconds(2))
            try await clients.work(in: world)
        }
        #expect(result.violations == [])
        #expect(outcome.published.count == 80)
        #expect(outcome.handled.count == 40)
        #expect(outcome.booked == [])
    }

    @Test(
        "new, after the first events of keys were purged: their next ones are handled at once",
        arguments: UInt64(1)...4
    )
    func olderKeys(seed: UInt64) throws {
        let waiting = Mutex<Int?>(nil)
        let (result, outcome) = try run(seed: seed, [], of: MovingParcels.self, late: "shelves") { clients, world in
            // Until the log has purged them.
            try await world.time.sleep(for: .seconds(6))
            world.startStopped()
            try await world.time.sleep(for: .seconds(2))
            try await clients.work(in: world)
            try await world.time.sleep(for: .seconds(2))
            let count = try await world.read("shelves") { (tx: borrowing SQLTransaction) in
                try tx.run("SELECT COUNT(*) FROM audit_waiting_keys").first?.int(0)
            }
            waiting.withLock { $0 = count }
        }
        #expect(result.violations == [])
        #expect(outcome.published.count == 2 * MovingParcels.distance)
        #expect(outcome.handled == outcome.published)
        #expect(outcome.booked == [])
        #expect(waiting.withLock { $0 } == 0)
    }
}
