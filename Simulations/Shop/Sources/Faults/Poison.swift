import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletSimulation
import MartletTesting
import OrdersContract
import SwiftProtobuf

/// A foreign system whose events cannot all take effect, and the operator who sees to it: what cannot has to be parked with all
/// that comes after it, the list has to say why, and what is decided has to come true, while everybody else goes on.
struct Poison: Sendable {
    private static let linesLimit: UInt64 = 3
    /// The longest time between two events of a line, and between two looks of the operator, in milliseconds.
    private static let eventPauseLimit: UInt64 = 4_000
    private static let lookPauseLimit: UInt64 = 2_000
    /// How long one call may take.
    private static let patience = Duration.seconds(3)
    private static let reason = "it could not take effect"
    /// How a repeat is refused when there is nothing left to do.
    private static let gone = "operate.not_parked"

    let world: ShopWorld
    let witness: Witness
    let day: Duration
    let lines: [PoisonedLine]

    init(world: ShopWorld, witness: Witness, day: Duration, entropy: SeededEntropy) {
        self.world = world
        self.witness = witness
        self.day = day
        let isEnabled = world.faults.rates[.poisonedMessage] != nil
        let count = isEnabled ? 1 + Int(entropy.number(below: Self.linesLimit)) : 0
        lines = (0..<count).map { PoisonedLine(number: $0, entropy: entropy.fork()) }
    }

    /// The control parks nothing.
    private var isTended: Bool { world.variant == .martlet }

    /// What must have taken effect in the end.
    func expected() throws -> [Books.Entry] { try lines.flatMap { try $0.expected(isTended: isTended) } }

    /// Goes on until everything is published and nothing of it is parked any more.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for line in lines {
                group.addTask { try await publish(line) }
                guard isTended else { continue }
                for name in line.groups {
                    let entropy = line.entropy.fork()
                    group.addTask { try await tend(line, name, entropy) }
                }
            }
            try await group.waitForAll()
        }
    }

    // MARK: Acts

    private func publish(_ line: PoisonedLine) async throws {
        try await world.time.sleep(for: day * line.begin)
        let log = EventLogClient(over: world.network.channel(from: world.outside, to: "eventlog"))
        for sequence in 1...line.length {
            let body = try line.body(sequence)
            let event = EventRecord.with {
                $0.id = "\(line.key)-\(sequence)"
                $0.source = PoisonedLine.source
                $0.epoch = 1
                $0.topic = PoisonedLine.topic
                $0.key = line.key
                $0.sequence = sequence
                $0.time = world.time.date.microseconds
                $0.body = body
            }
            try await insist("publish \(event.id)", line) {
                try await log.publish(
                    .with { $0.events = [event] },
                    context: context(PoisonedLine.source, ["service"])
                )
            }
            if sequence == line.bad { world.faults.count(.poisonedMessage) }
            try await pause(Self.eventPauseLimit, line.entropy)
        }
    }

    /// Waits until `group` has parked the line, looks at it, decides, and sees it go.
    private func tend(_ line: PoisonedLine, _ group: String, _ entropy: SeededEntropy) async throws {
        let operators = ShopWorld.operators(of: group)
        let desk = OperateClient(over: world.network.channel(from: world.outside, to: operators))
        var parked: [ParkedMessageRecord] = []
        while parked.isEmpty {
            guard !isTooLate else { return report(.messageLost, "\(group) never parked number \(line.bad)", line) }
            try await pause(Self.lookPauseLimit, entropy)
            parked = try await list(line, group, desk)
        }
        check(parked, of: line, in: group)
        if line.isHasty {
            try await redrive(line, group, desk)
            try await pause(Self.lookPauseLimit, entropy)
        }
        try await remedy(line, group, parked[0].id, desk)
        while !(try await list(line, group, desk)).isEmpty {
            guard !isTooLate else { return report(.notConverged, "\(group) never redrove it", line) }
            try await redrive(line, group, desk)
            try await pause(Self.lookPauseLimit, entropy)
        }
    }

    /// Parked is what cannot take effect, with its cause, and all that has come after it.
    private func check(_ parked: [ParkedMessageRecord], of line: PoisonedLine, in group: String) {
        let numbers = parked.map(\.sequence)
        if numbers != (0..<parked.count).map({ line.bad + Int64($0) }) {
            report(.orderOfKeyBroken, "\(group) parked \(numbers), and \(line.bad) could not take effect", line)
        }
        if parked[0].attempts < 1 || parked[0].error.isEmpty || parked.dropFirst().contains(where: { $0.attempts != 0 })
        {
            report(.notConverged, "\(group) does not say why it parked \(numbers)", line)
        }
    }

    // MARK: Calls

    private func list(
        _ line: PoisonedLine,
        _ group: String,
        _ desk: OperateClient
    ) async throws -> [ParkedMessageRecord] {
        let request = ListParkedMessagesRequest.with {
            $0.group = group
            $0.topic = PoisonedLine.topic
            $0.key = line.key
        }
        return try await insist("list what \(group) parked", line) {
            try await desk.listParkedMessages(request, context: context("operator", ["operate"]))
        }?.messages ?? []
    }

    private func remedy(_ line: PoisonedLine, _ group: String, _ id: String, _ desk: OperateClient) async throws {
        switch line.remedy {
        case .mended:
            let body = try line.sound(line.bad)
            let edit = EditParkedMessageRequest.with {
                $0.group = group
                $0.topic = PoisonedLine.topic
                $0.id = id
                $0.body = body
                $0.reason = Self.reason
            }
            // Refused when an answer was lost, and an old call to redrive has come since.
            try await insist("edit what \(group) parked", line, accepting: Self.gone) {
                try await desk.editParkedMessage(edit, context: context("operator", ["operate"]))
            }
        case .dropped:
            let drop = DropParkedMessageRequest.with {
                $0.group = group
                $0.topic = PoisonedLine.topic
                $0.id = id
                $0.reason = Self.reason
            }
            // Refused when it was heard before.
            try await insist("drop what \(group) parked", line, accepting: Self.gone) {
                try await desk.dropParkedMessage(drop, context: context("operator", ["operate"]))
            }
        }
    }

    private func redrive(_ line: PoisonedLine, _ group: String, _ desk: OperateClient) async throws {
        let redrive = RedriveParkedKeyRequest.with {
            $0.group = group
            $0.topic = PoisonedLine.topic
            $0.key = line.key
            $0.reason = Self.reason
        }
        // Refused when it was heard before, and has come to its end.
        try await insist("redrive what \(group) parked", line, accepting: Self.gone) {
            try await desk.redriveParkedKey(redrive, context: context("operator", ["operate"]))
        }
    }

    // MARK: Patience

    private var isTooLate: Bool {
        world.healedAt.map { world.time.now > $0 + ShopSimulation.convergenceLimit } ?? false
    }

    /// Asks until there is an answer; `nil` when it is refused, or too late.
    ///
    /// - Parameter accepted: The refusal that is as good as an answer, if there is one.
    @discardableResult
    private func insist<R>(
        _ what: String,
        _ line: PoisonedLine,
        accepting accepted: String? = nil,
        _ call: () async throws -> R
    ) async throws -> R? {
        while true {
            do { return try await call() } catch {
                try Task.checkCancellation()
                let fault = Fault(describing: error)
                if fault.code.outcome == .refused {
                    if fault.reason.name != accepted { report(.messageLost, "refused to \(what): \(error)", line) }
                    return nil
                }
                guard !isTooLate else {
                    report(.notConverged, "nobody answers who would \(what)", line)
                    return nil
                }
                try await pause(Self.lookPauseLimit, line.entropy)
            }
        }
    }

    private func pause(_ limit: UInt64, _ entropy: SeededEntropy) async throws {
        try await world.time.sleep(for: .milliseconds(Int64(1 + entropy.number(below: limit))))
    }

    private func report(_ invariant: Invariant, _ what: String, _ line: PoisonedLine) {
        witness.saw(Violation(invariant, "the line \(line.key): \(what)", line.key))
    }

    private func context(_ who: String, _ scopes: Set<String>) -> CallContext {
        CallContext(
            deadline: world.time.now + Self.patience,
            principal: Principal(kind: .user, id: who, scopes: scopes)
        )
    }
}
