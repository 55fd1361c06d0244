import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletSimulation
import MartletTesting
import OrdersContract
import SimulatedCluster
import SwiftProtobuf

/// A defect of `orders` that publishes poison messages, and the operator who handles them: a poison message must be
/// parked with all later events of its key, the list must state the cause, and the operator's decision must take
/// effect, while all other keys continue.
struct PoisonMessages: Sendable {
    private static let keysMax: UInt64 = 3
    /// The longest time between two events of a key, in milliseconds.
    private static let eventIntervalMax: UInt64 = 4_000
    private static let reason = "it could not take effect"

    let world: ShopWorld
    let observations: ClientObservations
    let duration: Duration
    let poisonedKeys: [PoisonedKey]

    init(world: ShopWorld, observations: ClientObservations, duration: Duration, entropy: SeededEntropy) {
        self.world = world
        self.observations = observations
        self.duration = duration
        let isEnabled = world.faults.rates[.poisonedMessage] != nil
        let count = isEnabled ? 1 + Int(entropy.number(below: Self.keysMax)) : 0
        poisonedKeys = (0..<count).map { PoisonedKey(number: $0, entropy: entropy.fork()) }
    }

    /// False in the control, which parks nothing.
    private var hasOperator: Bool { world.variant == .martlet }

    /// The events that must have taken effect in the end.
    func expected() throws -> [StateSnapshot.Entry] {
        try poisonedKeys.flatMap { try $0.expected(hasOperator: hasOperator) }
    }

    /// Runs until everything is published and nothing is parked any more.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for poisoned in poisonedKeys {
                group.addTask { try await publish(poisoned) }
                guard hasOperator else { continue }
                for name in poisoned.groups(among: world.groups(of: PoisonedKey.topic)) {
                    let entropy = poisoned.entropy.fork()
                    group.addTask { try await operate(poisoned, in: name, entropy: entropy) }
                }
            }
            try await group.waitForAll()
        }
    }

    // MARK: Operations

    private func publish(_ poisoned: PoisonedKey) async throws {
        let calls = keyOperator(of: poisoned)
        try await world.time.sleep(for: duration * poisoned.begin)
        let log = EventLogClient(over: world.network.channel(from: world.outside, to: "eventlog"))
        try await world.publishAgain {
            for sequence in 1...poisoned.length {
                // A log that has lost earlier events gets them first.
                let events = try (world.mayLoseLog ? 1...sequence : sequence...sequence).map { try event($0, poisoned) }
                try await calls.retry("publish \(poisoned.key)-\(sequence)") {
                    try await log.publish(
                        .with { $0.events = events },
                        context: calls.context(Principal(service: ExactText(PoisonedKey.source), for: .itself))
                    )
                }
                if sequence == poisoned.badSequence { world.faults.count(.poisonedMessage) }
                try await calls.sleep(upTo: Self.eventIntervalMax, poisoned.entropy)
            }
        }
    }

    private func event(_ sequence: Int64, _ poisoned: PoisonedKey) throws -> EventRecord {
        let body = try poisoned.body(sequence)
        return EventRecord.with {
            $0.id = "\(poisoned.key)-\(sequence)"
            $0.source = PoisonedKey.source
            $0.epoch = 1
            $0.topic = PoisonedKey.topic
            $0.key = poisoned.key
            $0.sequence = sequence
            $0.time = world.time.date.microseconds
            $0.type = poisoned.type(sequence)
            $0.body = body
        }
    }

    /// Waits until `group` has parked the key, checks the list, edits or drops the poison message, and redrives the
    /// rest.
    private func operate(_ poisoned: PoisonedKey, in group: String, entropy: SeededEntropy) async throws {
        let operators = Cluster.operators(of: group)
        let operatorClient = OperateClient(over: world.network.channel(from: world.outside, to: operators))
        let calls = keyOperator(of: poisoned)
        var parked: [ParkedMessageRecord] = []
        // Later events may be parked before it, while it is missing.
        while parked.first?.sequence != poisoned.badSequence {
            guard !calls.isTooLate else {
                return calls.report(.messageLost, "\(group) never parked number \(poisoned.badSequence)")
            }
            try await calls.sleep(upTo: ParkedKeyOperator.pollIntervalMax, entropy)
            parked = try await calls.list(in: group, by: operatorClient)
        }
        check(parked, of: poisoned, in: group)
        if poisoned.redrivesFirst {
            try await calls.redrive(in: group, by: operatorClient)
            try await calls.sleep(upTo: ParkedKeyOperator.pollIntervalMax, entropy)
        }
        try await remedy(poisoned, in: group, id: parked[0].id, by: operatorClient)
        while !(try await calls.list(in: group, by: operatorClient)).isEmpty {
            guard !calls.isTooLate else { return calls.report(.notConverged, "\(group) never redrove it") }
            try await calls.redrive(in: group, by: operatorClient)
            try await calls.sleep(upTo: ParkedKeyOperator.pollIntervalMax, entropy)
        }
    }

    /// The poison message is parked with its cause, and nothing but later events with it; some may still be in flight.
    private func check(_ parked: [ParkedMessageRecord], of poisoned: PoisonedKey, in group: String) {
        let numbers = parked.map(\.sequence)
        if numbers.first != poisoned.badSequence || numbers != Set(numbers).sorted() {
            keyOperator(of: poisoned).report(
                .orderOfKeyBroken,
                "\(group) parked \(numbers), and \(poisoned.badSequence) could not take effect"
            )
        }
        if parked[0].attempts < 1 || parked[0].error.isEmpty || parked.dropFirst().contains(where: { $0.attempts != 0 })
        {
            keyOperator(of: poisoned).report(.notConverged, "\(group) states no cause for parking \(numbers)")
        }
    }

    private func remedy(
        _ poisoned: PoisonedKey,
        in group: String,
        id: String,
        by operatorClient: OperateClient
    ) async throws {
        let calls = keyOperator(of: poisoned)
        switch poisoned.remedy {
        case .edited:
            let body = try poisoned.validBody(poisoned.badSequence)
            let edit = EditParkedMessageRequest.with {
                $0.group = group
                $0.topic = PoisonedKey.topic
                $0.id = id
                $0.body = body
                $0.reason = Self.reason
            }
            // Refused when the response was lost, and a late redrive call has arrived since.
            try await calls.retry("edit what \(group) parked", accepting: ParkedKeyOperator.notParked) {
                try await operatorClient.editParkedMessage(edit, context: calls.context(ParkedKeyOperator.operators))
            }
        case .dropped:
            try await calls.drop(id, in: group, by: operatorClient)
        }
    }

    private func keyOperator(of poisoned: PoisonedKey) -> ParkedKeyOperator {
        ParkedKeyOperator(
            world: world,
            observations: observations,
            topic: PoisonedKey.topic,
            key: poisoned.key,
            reason: Self.reason,
            entropy: poisoned.entropy
        )
    }
}
