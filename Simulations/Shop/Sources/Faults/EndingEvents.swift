import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletSimulation
import MartletTesting
import OrdersContract
import SimulatedCluster
import SwiftProtobuf

/// An external system that publishes events whose handlers end their process, and the operator who handles them: such an
/// event must be parked with the reason, with all later events of its key, while all other events are handled.
struct EndingEvents: Sendable {
    private static let keysMax: UInt64 = 2
    /// The longest time between two events of a key, and between two polls of the operator, in milliseconds.
    private static let eventIntervalMax: UInt64 = 4_000
    private static let pollIntervalMax: UInt64 = 2_000
    /// The crashes of a replica that crashes again and again, and the longest time between two of them.
    private static let loopCrashes = 5
    private static let loopIntervalMax: UInt64 = 5_000
    /// The deadline of one call.
    private static let callTimeout = Duration.seconds(3)
    private static let reason = "its handler ended the process"
    private static let endedTheProcess = "ended the process"
    /// The refusal of a repeat when nothing is parked any more.
    private static let notParked = "operate.not_parked"

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
        try await world.time.sleep(for: duration * key.begin)
        let log = EventLogClient(over: world.network.channel(from: world.outside, to: "eventlog"))
        try await world.publishAgain {
            for sequence in 1...key.length {
                // A log that has lost earlier events gets them first.
                let events = try (world.mayLoseLog ? 1...sequence : sequence...sequence).map { try event($0, key) }
                try await retry("publish \(key.key)-\(sequence)", key, beforeDeclaration: true) {
                    try await log.publish(
                        .with { $0.events = events },
                        context: context(ExactText(EndingKey.source), ["service"])
                    )
                }
                try await sleep(upTo: Self.eventIntervalMax, key.entropy)
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
            try await sleep(upTo: Self.loopIntervalMax, entropy)
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
        var parked: [ParkedMessageRecord] = []
        while parked.first?.sequence != key.badSequence {
            guard !isTooLate else {
                return report(.notConverged, "\(group) never parked number \(key.badSequence)", of: key)
            }
            // An earlier one of the key is parked when faults have ended its process in two attempts.
            if !parked.isEmpty { try await redrive(key, in: group, by: client) }
            try await sleep(upTo: Self.pollIntervalMax, entropy)
            parked = try await list(key, in: group, by: client)
        }
        check(parked, of: key, in: group)
        if key.redrivesFirst {
            try await redrive(key, in: group, by: client)
            try await sleep(upTo: Self.pollIntervalMax, entropy)
        }
        if key.remedy == .dropped { try await drop(parked[0].id, of: key, in: group, by: client) }
        world.endingHandlers.repair(key.key, in: group)
        while !(try await list(key, in: group, by: client)).isEmpty {
            guard !isTooLate else { return report(.notConverged, "\(group) never redrove it", of: key) }
            try await redrive(key, in: group, by: client)
            try await sleep(upTo: Self.pollIntervalMax, entropy)
        }
    }

    /// The event is parked with the reason, and nothing but later events with it; some of these may still be in flight.
    private func check(_ parked: [ParkedMessageRecord], of key: EndingKey, in group: String) {
        let numbers = parked.map(\.sequence)
        if numbers.first != key.badSequence || numbers != Set(numbers).sorted() {
            report(.orderOfKeyBroken, "\(group) parked \(numbers), and \(key.badSequence) ends the process", of: key)
        }
        if parked[0].error != Self.endedTheProcess || parked[0].attempts < 2 {
            report(
                .notConverged,
                "\(group) parked \(key.badSequence) after \(parked[0].attempts) attempts: \(parked[0].error)",
                of: key
            )
        }
    }

    // MARK: Calls

    private func list(
        _ key: EndingKey,
        in group: String,
        by client: OperateClient
    ) async throws -> [ParkedMessageRecord] {
        let request = ListParkedMessagesRequest.with {
            $0.group = group
            $0.topic = EndingKey.topic
            $0.key = key.key
        }
        return try await retry("list what \(group) parked", key) {
            try await client.listParkedMessages(request, context: context("operator", ["operate"]))
        }?.messages ?? []
    }

    private func drop(_ id: String, of key: EndingKey, in group: String, by client: OperateClient) async throws {
        let request = DropParkedMessageRequest.with {
            $0.group = group
            $0.topic = EndingKey.topic
            $0.id = id
            $0.reason = Self.reason
        }
        // Refused when an earlier attempt has arrived.
        try await retry("drop what \(group) parked", key, accepting: Self.notParked) {
            try await client.dropParkedMessage(request, context: context("operator", ["operate"]))
        }
    }

    private func redrive(_ key: EndingKey, in group: String, by client: OperateClient) async throws {
        let request = RedriveParkedKeyRequest.with {
            $0.group = group
            $0.topic = EndingKey.topic
            $0.key = key.key
            $0.reason = Self.reason
        }
        // Refused when an earlier attempt has been processed to the end.
        try await retry("redrive what \(group) parked", key, accepting: Self.notParked) {
            try await client.redriveParkedKey(request, context: context("operator", ["operate"]))
        }
    }

    // MARK: Retries

    private var isTooLate: Bool {
        world.healedAt.map { world.time.now > $0 + Convergence.limit } ?? false
    }

    /// Retries until there is a response; `nil` when it is refused, or too late.
    ///
    /// - Parameters:
    ///   - accepted: The refusal that is not a violation, if any.
    ///   - isEarly: Whether the topic may not have been declared yet.
    @discardableResult
    private func retry<R>(
        _ what: String,
        _ key: EndingKey,
        accepting accepted: String? = nil,
        beforeDeclaration isEarly: Bool = false,
        call: () async throws -> R
    ) async throws -> R? {
        while true {
            do { return try await call() } catch {
                try Task.checkCancellation()
                let fault = Fault(describing: error)
                let isUnknown = isEarly && fault.reason.name == "eventlog.unknown_topic"
                if fault.code.outcome == .refused, !isUnknown {
                    if fault.reason.name != accepted { report(.messageLost, "refused to \(what): \(error)", of: key) }
                    return nil
                }
                guard !isTooLate else {
                    report(.notConverged, "no response to \(what)", of: key)
                    return nil
                }
                try await sleep(upTo: Self.pollIntervalMax, key.entropy)
            }
        }
    }

    private func sleep(upTo limit: UInt64, _ entropy: SeededEntropy) async throws {
        try await world.time.sleep(for: .milliseconds(Int64(1 + entropy.number(below: limit))))
    }

    private func report(_ invariant: Invariant, _ what: String, of key: EndingKey) {
        observations.record(Violation(invariant, "the key \(key.key): \(what)", of: key.key))
    }

    private func context(_ principalID: ExactText, _ scopes: Set<ExactText>) -> CallContext {
        CallContext(
            deadline: world.time.now + Self.callTimeout,
            principal: Principal(kind: .user, id: principalID, scopes: scopes)
        )
    }
}
