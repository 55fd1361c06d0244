import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletSimulation
import MartletTesting
import OrdersContract
import SimulatedCluster
import SwiftProtobuf

/// A defect of `orders` that publishes events whose handlers end their process, and the operator who handles them: such an
/// event must be parked with the reason, with all later events of its key, while all other events are handled.
struct EndingEvents: Sendable {
    private static let keysMax: UInt64 = 2
    /// The longest time between two events of a key, in milliseconds.
    private static let eventIntervalMax: UInt64 = 4_000
    /// The crashes of a replica that crashes again and again, and the longest time between two of them.
    private static let loopCrashes = 5
    private static let loopIntervalMax: UInt64 = 5_000
    private static let reason = "its handler ended the process"
    private static let endedTheProcess = "ended the process"

    let world: ShopWorld
    let observations: ClientObservations
    let duration: Duration
    let keys: [EndingKey]

    init(world: ShopWorld, observations: ClientObservations, duration: Duration, entropy: SeededEntropy) {
        self.world = world
        self.observations = observations
        self.duration = duration
        let isEnabled = world.faults.rates[.handlerEndsProcess] != nil
        let count = isEnabled ? 1 + Int(entropy.number(below: Self.keysMax)) : 0
        keys = (0..<count).map { EndingKey(number: $0, entropy: entropy.fork()) }
    }

    /// False in the control, which parks nothing.
    private var hasOperator: Bool { world.variant == .martlet }

    private var groups: [String] { world.groups(of: EndingKey.topic) }

    /// The events that must have taken effect in the end.
    func expected() throws -> [StateSnapshot.Entry] {
        try keys.flatMap { try $0.expected(groups: groups, hasOperator: hasOperator) }
    }

    /// Runs until everything is published and nothing is parked any more.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for key in keys {
                let affected = key.groups(among: groups)
                for group in affected {
                    let times = key.ends == .once ? 1 : nil
                    world.endingHandlers.plant(key.badSequence, of: key.key, in: group, times: times)
                }
                tasks.addTask { try await publish(key) }
                for group in affected {
                    let entropy = key.entropy.fork()
                    if key.hasCrashLoop { tasks.addTask { try await crashLoop(of: group, entropy.fork()) } }
                    guard hasOperator, key.ends == .always else { continue }
                    tasks.addTask { try await operate(key, in: group, entropy) }
                }
            }
            try await tasks.waitForAll()
        }
    }

    // MARK: Operations

    private func publish(_ key: EndingKey) async throws {
        let calls = keyOperator(of: key)
        try await world.time.sleep(for: duration * key.begin)
        let log = EventLogClient(over: world.network.channel(from: world.outside, to: "eventlog"))
        try await world.publishAgain {
            for sequence in 1...key.length {
                // A log that has lost earlier events gets them first.
                let events = try (world.mayLoseLog ? 1...sequence : sequence...sequence).map { try event($0, key) }
                try await calls.retry("publish \(key.key)-\(sequence)") {
                    try await log.publish(
                        .with { $0.events = events },
                        context: calls.context(Principal(service: ExactText(EndingKey.source), for: .itself))
                    )
                }
                try await calls.sleep(upTo: Self.eventIntervalMax, key.entropy)
            }
        }
    }

    private func event(_ sequence: Int64, _ key: EndingKey) throws -> EventRecord {
        let body = try key.body(sequence)
        return EventRecord.with {
            $0.id = "\(key.key)-\(sequence)"
            $0.source = EndingKey.source
            $0.epoch = 1
            $0.topic = EndingKey.topic
            $0.key = key.key
            $0.sequence = sequence
            $0.time = world.time.date.microseconds
            $0.body = body
        }
    }

    /// Crashes one replica of a service a few times, soon after each start.
    private func crashLoop(of service: String, _ entropy: SeededEntropy) async throws {
        let slots = world.cluster.slots.indices(of: service)
        guard let slot = slots.first, world.faults.rates[.crash] != nil else { return }
        for _ in 0..<Self.loopCrashes {
            try await world.time.sleep(for: .milliseconds(Int64(1 + entropy.number(below: Self.loopIntervalMax))))
            guard world.faults.isActive else { return }
            world.cluster.slots.machine(in: slot)?.crash()
            world.faults.count(.crash)
        }
    }

    /// Waits until `group` has parked the event, checks the list, repairs its handler or drops the event, and redrives
    /// the rest.
    private func operate(_ key: EndingKey, in group: String, _ entropy: SeededEntropy) async throws {
        let operators = Cluster.operators(of: group)
        let client = OperateClient(over: world.network.channel(from: world.outside, to: operators))
        let calls = keyOperator(of: key)
        var parked: [ParkedMessageRecord] = []
        while parked.first?.sequence != key.badSequence {
            guard !calls.isTooLate else {
                return calls.report(.notConverged, "\(group) never parked number \(key.badSequence)")
            }
            // An earlier one of the key is parked when faults have ended its process in two attempts.
            if !parked.isEmpty { try await calls.redrive(in: group, by: client) }
            try await calls.sleep(upTo: ParkedKeyOperator.pollIntervalMax, entropy)
            parked = try await calls.list(in: group, by: client)
        }
        check(parked, of: key, in: group)
        if key.redrivesFirst {
            try await calls.redrive(in: group, by: client)
            try await calls.sleep(upTo: ParkedKeyOperator.pollIntervalMax, entropy)
        }
        if key.remedy == .dropped { try await calls.drop(parked[0].id, in: group, by: client) }
        world.endingHandlers.repair(key.key, in: group)
        while !(try await calls.list(in: group, by: client)).isEmpty {
            guard !calls.isTooLate else { return calls.report(.notConverged, "\(group) never redrove it") }
            try await calls.redrive(in: group, by: client)
            try await calls.sleep(upTo: ParkedKeyOperator.pollIntervalMax, entropy)
        }
    }

    /// The event is parked with the reason, and nothing but later events with it; some of these may still be in flight.
    private func check(_ parked: [ParkedMessageRecord], of key: EndingKey, in group: String) {
        let (calls, numbers) = (keyOperator(of: key), parked.map(\.sequence))
        if numbers.first != key.badSequence || numbers != Set(numbers).sorted() {
            calls.report(.orderOfKeyBroken, "\(group) parked \(numbers), and \(key.badSequence) ends the process")
        }
        if parked[0].error != Self.endedTheProcess || parked[0].attempts < 2 {
            calls.report(
                .notConverged,
                "\(group) parked \(key.badSequence) after \(parked[0].attempts) attempts: \(parked[0].error)"
            )
        }
    }

    private func keyOperator(of key: EndingKey) -> ParkedKeyOperator {
        ParkedKeyOperator(
            world: world,
            observations: observations,
            topic: EndingKey.topic,
            key: key.key,
            reason: Self.reason,
            entropy: key.entropy
        )
    }
}
