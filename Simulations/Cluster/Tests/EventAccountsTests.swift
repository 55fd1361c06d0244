import MartletMessaging
import Testing

@testable import SimulatedCluster

@Suite("Accounts of events")
struct EventAccountsTests {
    private static let topic = "words"

    /// Of one group; `second` is the event with the sequence 2.
    private var accounts = EventAccounts(of: [topic: ["readers"]])
    private let events = (1...3).map { Self.event("a", $0) }

    private static func event(_ key: String, _ sequence: Int64, epoch: Int = 1) -> EventAccounts.Event {
        EventAccounts.Event(topic: topic, key: key, source: "writers", epoch: epoch, sequence: sequence)
    }

    @Test("what the group has handled or stored is accounted for, and each other event is a violation")
    mutating func handled() {
        accounts.add(events[0], of: "readers")
        accounts.add(events[2], of: "readers")
        #expect(
            accounts.violations(of: events) == [
                "readers has not handled 1 events of words, and nothing names them; among writers/a/2"
            ]
        )
        accounts.add(events[1], of: "readers")
        #expect(accounts.violations(of: events) == [])
    }

    @Test("an event of another epoch, key or group is another event")
    mutating func others() {
        for event in events { accounts.add(event, of: "readers") }
        #expect(accounts.violations(of: [Self.event("a", 1, epoch: 2)]).count == 1)
        #expect(accounts.violations(of: [Self.event("b", 1)]).count == 1)
        var both = EventAccounts(of: [Self.topic: ["readers", "writers"]])
        for event in events { both.add(event, of: "readers") }
        #expect(both.violations(of: events).map { $0.hasPrefix("writers has not handled 3 events") } == [true])
    }

    @Test("events from before the group began are counted")
    mutating func before() {
        accounts.addBefore(2, topic: Self.topic, group: "readers")
        #expect(accounts.violations(of: Array(events[..<2])) == [])
        #expect(accounts.violations(of: events).map { $0.hasPrefix("readers has not handled 1 events") } == [true])
    }

    @Test("a booked loss accounts for events of its partition only")
    mutating func lost() {
        accounts.setPartitions(8, of: Self.topic)
        let partition = Partitioning.partition(of: "a", among: 8)
        accounts.addLost(3, topic: Self.topic, group: "readers", partition: (partition + 1) % 8)
        #expect(accounts.violations(of: events).count == 1)
        accounts.addLost(3, topic: Self.topic, group: "readers", partition: partition)
        #expect(accounts.violations(of: events) == [])
    }

    @Test("a topic without groups needs no accounts")
    func noGroups() {
        let event = EventAccounts.Event(topic: "signs", key: "a", source: "writers", epoch: 1, sequence: 1)
        #expect(accounts.violations(of: [event]) == [])
    }

    @Test("a world reports an event that a bus has accepted and lost")
    func world() throws {
        let clients = ParcelClients(parcels: 3)
        var hooks = ProcessHooks()
        hooks.dependencies = { own, _ in
            Deployment.Dependencies(
                database: own.database,
                bus: ForgetfulBus(bus: own.bus),
                runtime: own.runtime,
                handling: own.handling,
                connect: own.connect,
                version: own.version,
                instance: own.instance,
                migrates: own.migrates
            )
        }
        let world = try SimulatedWorld([ParcelsService.self, ShelvesService.self], fakes: [:], hooks: hooks)
        let violations = world.run(seed: 1, faults: []) { world in
            try await clients.work(in: world)
        } check: { _ in
            []
        }.violations
        #expect(violations.count == 1)
        #expect(violations.first?.hasPrefix("shelves has not handled 1 events of ") == true)
        #expect(violations.first?.hasSuffix("among parcels/parcel-2/1") == true)
    }
}

/// Accepts the events of one key, and does not store them.
private struct ForgetfulBus: MessageBus {
    let bus: any MessageBus

    func declare(_ declaration: BusDeclaration) async throws { try await bus.declare(declaration) }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        _ = try await bus.publish(events.filter { $0.key != "parcel-2" })
        return events.map { _ in .accepted }
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}
