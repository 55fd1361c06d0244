import MartletCore
import MartletMessaging
import MartletOutbox
import MartletSQL
import MartletSimulation
import MartletTesting
import SimulatedCluster
import SimulatedDisk
import Synchronization

/// Replicas that publish the outbox of one database, and how long each event waits.
final class RelayReplicas: Sendable {
    private struct Replica {
        let machine: Machine
        let relay: Task<Void, Never>?
    }

    private static let commitInterval = Duration.milliseconds(100)

    private let simulation: Simulation
    private let store = Store(DiskImage(), entropy: SeededEntropy(seed: 1))
    private let bus: TimedBus
    private let entropy = SeededEntropy(seed: 2)
    private let faults = FaultInjector([:], entropy: SeededEntropy(seed: 3))
    /// The machine of the process that commits: it has no relay.
    private let client: Machine
    private let replicas = Mutex<[Int: Replica]>([:])
    private let commits = Mutex<[Moment]>([])

    /// Starts replicas, and returns when they share the partitions.
    init(_ count: Int, in simulation: Simulation) async throws {
        self.simulation = simulation
        bus = TimedBus(time: simulation.time)
        client = Machine("client", in: simulation)
        try store.open(time: simulation.time) { _ in }
        try await store.current().migrate(Outbox.migrations)
        for number in 1...count { start(number) }
        try await simulation.time.sleep(for: .seconds(30))
    }

    private var time: VirtualTime { simulation.time }

    private func database(of machine: Machine) -> MachineDatabase {
        MachineDatabase(of: machine, isShared: true, faults: faults, entropy: entropy) { [store] in
            try store.current()
        }
    }

    func start(_ number: Int) {
        let machine = Machine("replica-\(number)", in: simulation)
        let relay = OutboxRelay(
            source: "test",
            instance: "replica-\(number)",
            database: database(of: machine),
            bus: bus,
            runtime: Runtime(time: machine.time, entropy: entropy)
        )
        let task = machine.spawn { try? await relay.run() }
        replicas.withLock { $0[number] = Replica(machine: machine, relay: task) }
    }

    /// Ends a replica between two steps, as by `kill -9`.
    func kill(_ number: Int) { replicas.withLock { $0.removeValue(forKey: number) }?.machine.crash() }

    /// Ends a replica as by SIGTERM.
    func end(_ number: Int) async {
        let replica = replicas.withLock { $0.removeValue(forKey: number) }
        replica?.relay?.cancel()
        await replica?.relay?.value
        replica?.machine.crash()
    }

    func close() {
        for number in replicas.withLock({ $0.keys.sorted() }) { kill(number) }
        client.crash()
    }

    /// Commits an event every 100 ms, and lets as much time pass again without commits.
    ///
    /// - Parameter crashing: A replica that is killed and started again at once and every 5 s.
    func load(for duration: Duration, crashing: Int?) async throws {
        let end = time.now + duration
        var crashed: Moment?
        while time.now < end + duration {
            if let crashing, crashed.map({ time.now - $0 >= .seconds(5) }) ?? true {
                crashed = time.now
                kill(crashing)
                start(crashing)
            }
            if time.now < end { try await commit() }
            try await time.sleep(for: Self.commitInterval)
        }
    }

    private func commit() async throws {
        let now = time.now
        let number = commits.withLock { commits in
            commits.append(now)
            return commits.count
        }
        try await database(of: client).transaction("commit", deadline: nil) { tx in
            try tx.append(OutgoingEvent(topic: "things", key: "k\(number)", body: []))
        }
    }

    /// The longest wait of an event; `nil` when one was not published.
    func longestWait() -> Duration? {
        let published = bus.published
        let waits = commits.withLock { $0 }.enumerated().map { index, commit in
            published[index + 1].map { $0 - commit }
        }
        return waits.contains(nil) ? nil : waits.compactMap(\.self).max()
    }

    /// How many partitions each relay holds, sorted.
    func shares() async throws -> [Int] {
        try await store.inspect { (tx: borrowing SQLTransaction) in
            try tx.run(
                """
                SELECT instance, COUNT(*) FROM audit_outbox_leases WHERE lease_until > \(tx.date.microseconds)
                GROUP BY instance
                """
            ).map { try $0.int(1) }.sorted()
        }
    }
}

/// A bus that remembers when it got each event first.
private final class TimedBus: MessageBus {
    private let bus: InMemoryBus
    private let time: VirtualTime
    private let times = Mutex<[Int: Moment]>([:])

    init(time: VirtualTime) {
        bus = InMemoryBus(time: time)
        self.time = time
    }

    /// By the number of the event.
    var published: [Int: Moment] { times.withLock { $0 } }

    func publish(_ events: [Envelope]) async throws -> [PublishOutcome] {
        let outcomes = try await bus.publish(events)
        let now = time.now
        times.withLock { times in
            for event in events {
                guard let number = Int(event.key.dropFirst()), times[number] == nil else { continue }
                times[number] = now
            }
        }
        return outcomes
    }

    func join(topic: String, group: String, start: GroupStart) async throws -> any GroupMember {
        try await bus.join(topic: topic, group: group, start: start)
    }

    func status() async throws -> [TopicStatus] { try await bus.status() }
}
