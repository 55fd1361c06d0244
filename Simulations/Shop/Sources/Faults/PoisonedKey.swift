import Foundation
import MartletCore
import MartletMessaging
import MartletTesting
import OrdersContract
import SwiftProtobuf

/// Events of one key that a defect of `orders` publishes, one of which is a poison message; drawn before the run.
struct PoisonedKey: Sendable {
    static let source = PlantedEvents.source
    static let topic = PlantedEvents.topic
    private static let lengthMax: UInt64 = 4
    private static let unreadable = Data([0xFF, 0xFF, 0xFF])

    enum Flaw: Sendable {
        /// It cannot be decoded.
        case unreadable
        /// It can be decoded, and the auditor refuses it: its order is not that of its key.
        case misfiled
        /// It could be decoded, and states another type than that of its topic.
        case foreign
    }

    enum Remedy: Sendable { case edited, dropped }

    let key: String
    let length: Int64
    /// The sequence number of the poison message.
    let badSequence: Int64
    let flaw: Flaw
    let remedy: Remedy
    /// Whether the operator first redrives it unchanged.
    let redrivesFirst: Bool
    /// As a share of the workload's duration.
    let begin: Double
    let entropy: SeededEntropy

    init(number: Int, entropy: SeededEntropy) {
        key = "poisoned-\(number)"
        length = 2 + Int64(entropy.number(below: Self.lengthMax))
        badSequence = 1 + Int64(entropy.number(below: UInt64(length)))
        flaw =
            switch entropy.number(below: 4) {
            case 0: .misfiled
            case 1: .foreign
            default: .unreadable
            }
        remedy = entropy.number(below: 3) == 0 ? .dropped : .edited
        redrivesFirst = entropy.number(below: 3) == 0
        begin = entropy.fraction()
        self.entropy = entropy
    }

    /// The groups that have to park it, of all groups of its topic.
    func groups(among all: [String]) -> [String] {
        switch flaw {
        case .unreadable, .foreign: all
        case .misfiled: [AuditorService.name]
        }
    }

    /// The body that is published under a sequence number.
    func body(_ sequence: Int64) throws -> Data {
        guard sequence == badSequence else { return try validBody(sequence) }
        switch flaw {
        case .unreadable: return Self.unreadable
        case .misfiled: return try Self.event(about: "another", sequence)
        case .foreign: return try validBody(sequence)
        }
    }

    /// The type that is published with it; empty in every second event, as in events of before types were named.
    func type(_ sequence: Int64) -> String {
        if sequence == badSequence, flaw == .foreign { return "elsewhere.v1.Report" }
        return sequence.isMultiple(of: 2) ? OrdersTopics.orders.type?.name ?? "" : ""
    }

    /// A readable event that changes no state, with an unknown field that must be preserved.
    func validBody(_ sequence: Int64) throws -> Data { try Self.event(about: key, sequence) }

    private static func event(about order: String, _ sequence: Int64) throws -> Data {
        let change = OrderChanged.with {
            $0.orderID = order
            $0.kind = .placed
            $0.customerID = "\(source)-\(sequence)"
        }
        return try NextField.added(to: change).serializedData()
    }

    /// The events that must have taken effect in the end.
    ///
    /// - Parameter hasOperator: Whether there is an operator who edits and redrives.
    func expected(hasOperator: Bool) throws -> [StateSnapshot.Entry] {
        try (1...length).compactMap { sequence in
            guard sequence != badSequence || hasOperator && remedy == .edited else { return nil }
            return StateSnapshot.Entry(
                topic: Self.topic,
                key: key,
                source: Self.source,
                epoch: 1,
                sequence: sequence,
                body: Array(try validBody(sequence))
            )
        }
    }
}
