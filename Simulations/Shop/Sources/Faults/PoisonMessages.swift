import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletSimulation
import MartletTesting
import OrdersContract
import SimulatedCluster
import SwiftProtobuf

/// An external system that publishes poison messages, and the operator who handles them: a poison message must be
/// parked with all later events of its key, the list must state the cause, and the operator's decision must take
/// effect, while all other keys continue.
struct PoisonMessages: Sendable {
    private static let keysMax: UInt64 = 3
    /// The longest time between two events of a key, and between two polls of the operator, in milliseconds.
    private static let eventIntervalMax: UInt64 = 4_000
    private static let pollIntervalMax: UInt64 = 2_000
    /// The deadline of one call.
    private static let callTimeout = Duration.seconds(3)
    private static let reason = "it could not take effect"
    /// The refusal of a repeat when nothing is parked any more.
    private static let notParked = "operate.not_parked"

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
        try await world.time.sleep(for: duration * poisoned.begin)
        let log = EventLogClient(over: world.network.channel(from: world.outside, to: "eventlog"))
        try await world.publishAgain {
            for sequence in 1...poisoned.length {
                // A log that has lost earlier events gets them first.
                let events = try (world.mayLoseLog ? 1...sequence : sequence...sequence).map { try event($0, poisoned) }
                try await retry("publish \(poisoned.key)-\(sequence)", poisoned) {
                    try await log.publish(
                        .with { $0.events = events },
                        context: context(ExactText(PoisonedKey.source), ["service"])
                    )
                }
                if sequence == poisoned.badSequence { world.faults.count(.poisonedMessage) }
                try await sleep(upTo: Self.eventIntervalMax, poisoned.entropy)
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
        var parked: [ParkedMessageRecord] = []
        // Later events may be parked before it, while it is missing.
        while parked.first?.sequence != poisoned.badSequence {
            guard !isTooLate else {
                return report(.messageLost, "\(group) never parked number \(poisoned.badSequence)", of: poisoned)
            }
            try await sleep(upTo: Self.pollIntervalMax, entropy)
            parked = try await list(poisoned, in: group, by: operatorClient)
        }
        check(parked, of: poisoned, in: group)
        if poisoned.redrivesFirst {
            try await redrive(poisoned, in: group, by: operatorClient)
            try await sleep(upTo: Self.pollIntervalMax, entropy)
        }
        try await remedy(poisoned, in: group, id: parked[0].id, by: operatorClient)
        while !(try await list(poisoned, in: group, by: operatorClient)).isEmpty {
            guard !isTooLate else { return report(.notConverged, "\(group) never redrove it", of: poisoned) }
            try await redrive(poisoned, in: group, by: operatorClient)
            try await sleep(upTo: Self.pollIntervalMax, entropy)
        }
    }

    /// The poison message is parked with its cause, and nothing but later events with it; some may still be in flight.
    private func check(_ parked: [ParkedMessageRecord], of poisoned: PoisonedKey, in group: String) {
        let numbers = parked.map(\.sequence)
        if numbers.first != poisoned.badSequence || numbers != Set(numbers).sorted() {
            report(
                .orderOfKeyBroken,
                "\(group) parked \(numbers), and \(poisoned.badSequence) could not take effect",
                of: poisoned
            )
        }
        if parked[0].attempts < 1 || parked[0].error.isEmpty || parked.dropFirst().contains(where: { $0.attempts != 0 })
        {
            report(.notConverged, "\(group) states no cause for parking \(numbers)", of: poisoned)
        }
    }

    // MARK: Calls

    private func list(
        _ poisoned: PoisonedKey,
        in group: String,
        by operatorClient: OperateClient
    ) async throws -> [ParkedMessageRecord] {
        let request = ListParkedMessagesRequest.with {
            $0.group = group
            $0.topic = PoisonedKey.topic
            $0.key = poisoned.key
        }
        return try await retry("list what \(group) parked", poisoned) {
            try await operatorClient.listParkedMessages(request, context: context("operator", ["operate"]))
        }?.messages ?? []
    }

    private func remedy(
        _ poisoned: PoisonedKey,
        in group: String,
        id: String,
        by operatorClient: OperateClient
    ) async throws {
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
            try await retry("edit what \(group) parked", poisoned, accepting: Self.notParked) {
                try await operatorClient.editParkedMessage(edit, context: context("operator", ["operate"]))
            }
        case .dropped:
            let drop = DropParkedMessageRequest.with {
                $0.group = group
                $0.topic = PoisonedKey.topic
                $0.id = id
                $0.reason = Self.reason
            }
            // Refused when an earlier attempt has arrived.
            try await retry("drop what \(group) parked", poisoned, accepting: Self.notParked) {
                try await operatorClient.dropParkedMessage(drop, context: context("operator", ["operate"]))
            }
        }
    }

    private func redrive(_ poisoned: PoisonedKey, in group: String, by operatorClient: OperateClient) async throws {
        let redrive = RedriveParkedKeyRequest.with {
            $0.group = group
            $0.topic = PoisonedKey.topic
            $0.key = poisoned.key
            $0.reason = Self.reason
        }
        // Refused when an earlier attempt has been processed to the end.
        try await retry("redrive what \(group) parked", poisoned, accepting: Self.notParked) {
            try await operatorClient.redriveParkedKey(redrive, context: context("operator", ["operate"]))
        }
    }

    // MARK: Retries

    private var isTooLate: Bool {
        world.healedAt.map { world.time.now > $0 + Convergence.limit } ?? false
    }

    /// Retries until there is a response; `nil` when it is refused, or too late.
    ///
    /// - Parameter accepted: The refusal that is not a violation, if any.
    @discardableResult
    private func retry<R>(
        _ what: String,
        _ poisoned: PoisonedKey,
        accepting accepted: String? = nil,
        call: () async throws -> R
    ) async throws -> R? {
        while true {
            do { return try await call() } catch {
                try Task.checkCancellation()
                let fault = Fault(describing: error)
                // The service of the topic has not started yet.
                let isEarly = fault.reason.name == "eventlog.unknown_topic"
                if fault.code.outcome == .refused, !isEarly {
                    if fault.reason.name != accepted {
                        report(.messageLost, "refused to \(what): \(error)", of: poisoned)
                    }
                    return nil
                }
                guard !isTooLate else {
                    report(.notConverged, "no response to \(what)", of: poisoned)
                    return nil
                }
                try await sleep(upTo: Self.pollIntervalMax, poisoned.entropy)
            }
        }
    }

    private func sleep(upTo limit: UInt64, _ entropy: SeededEntropy) async throws {
        try await world.time.sleep(for: .milliseconds(Int64(1 + entropy.number(below: limit))))
    }

    private func report(_ invariant: Invariant, _ what: String, of poisoned: PoisonedKey) {
        observations.record(Violation(invariant, "the key \(poisoned.key): \(what)", of: poisoned.key))
    }

    private func context(_ principalID: ExactText, _ scopes: Set<ExactText>) -> CallContext {
        CallContext(
            deadline: world.time.now + Self.callTimeout,
            principal: Principal(kind: .user, id: principalID, scopes: scopes)
        )
    }
}
