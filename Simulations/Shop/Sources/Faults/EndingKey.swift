import Foundation
import MartletCore
import MartletMessaging
import MartletTesting
import OrdersContract
import SwiftProtobuf

/// Events of one key that a defect of `orders` publishes; the handlers of one of them end their process.
///
/// Drawn before the run.
struct EndingKey: Sendable {
    static let source = PlantedEvents.source
    static let topic = PlantedEvents.topic
    private static let lengthMax: UInt64 = 4

    enum Ends: Sendable {
        /// The process ends whenever it handles the event: it must be parked.
        case always
        /// The process ends once: the event must be handled.
        case once
    }

    enum Remedy: Sendable { case repaired, dropped }

    let key: String
    let length: Int64
    /// The sequence number of the event whose handlers end the process.
    let badSequence: Int64
    let ends: Ends
    let remedy: Remedy
    /// Whether the operator first redrives it unchanged.
    let redrivesFirst: Bool
    /// Whether a replica of its consumer crashes again and again meanwhile.
    let hasCrashLoop: Bool
    /// Whether the handlers of all groups end their process; otherwise those of one.
    private let endsAll: Bool
    private let choice: UInt64
    /// As a share of the workload's duration.
    let begin: Double
    let entropy: SeededEntropy

    init(number: Int, entropy: SeededEntropy) {
        key = "ending-\(number)"
        length = 2 + Int64(entropy.number(below: Self.lengthMax))
        badSequence = 1 + Int64(entropy.number(below: UInt64(length)))
        ends = entropy.number(below: 3) == 0 ? .once : .always
        remedy = entropy.number(below: 3) == 0 ? .dropped : .repaired
        redrivesFirst = entropy.number(below: 3) == 0
        hasCrashLoop = entropy.number(below: 3) == 0
        endsAll = entropy.number(below: 3) == 0
        choice = entropy.next()
        begin = entropy.fraction()
        self.entropy = entropy
    }

    /// The groups whose handlers end their process, of all groups of its topic.
    func groups(among all: [String]) -> [String] {
        guard !endsAll, !all.isEmpty else { return all }
        return [all[Int(choice % UInt64(all.count))]]
    }

    /// A readable event that changes no state, with an unknown field that must be preserved.
    func body(_ sequence: Int64) throws -> Data {
        let change = OrderChanged.with {
            $0.orderID = key
            $0.kind = .placed
            $0.customerID = "\(Self.source)-\(sequence)"
        }
        return try NextField.added(to: change).serializedData()
    }

    /// The events that must have taken effect at the auditor in the end.
    ///
    /// - Parameters:
    ///   - groups: All groups of the topic.
    ///   - hasOperator: Whether there is an operator who redrives.
    func expected(groups: [String], hasOperator: Bool) throws -> [StateSnapshot.Entry] {
        let isAffected = self.groups(among: groups).contains { ExactText($0) == ExactText(AuditorService.name) }
        let isDropped = isAffected && (!hasOperator || ends == .always && remedy == .dropped)
        return try (1...length).compactMap { sequence in
            guard sequence != badSequence || !isDropped else { return nil }
            return StateSnapshot.Entry(
                topic: Self.topic,
                key: key,
                source: Self.source,
                epoch: 1,
                sequence: sequence,
                body: Array(try body(sequence))
            )
        }
    }
}
