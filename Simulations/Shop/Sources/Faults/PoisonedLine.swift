import Foundation
import MartletCore
import MartletMessaging
import MartletTesting
import OrdersContract
import SwiftProtobuf

/// Events of one key that a foreign system publishes, one of which cannot take effect; drawn before anything happens.
struct PoisonedLine: Sendable {
    /// Who publishes them.
    static let source = "elsewhere"
    static let topic = OrdersTopics.orders.name
    private static let lengthLimit: UInt64 = 4
    private static let unreadable = Data([0xFF, 0xFF, 0xFF])

    enum Ill: Sendable {
        /// Nobody can read it.
        case unreadable
        /// It can be read, and the auditor refuses it: it speaks of another order than its key.
        case misfiled
    }

    enum Remedy: Sendable { case mended, dropped }

    let key: String
    let length: Int64
    /// The number of the one that cannot take effect.
    let bad: Int64
    let ill: Ill
    let remedy: Remedy
    /// Whether the operator first has it handled again as it is.
    let isHasty: Bool
    /// As a share of the day.
    let begin: Double
    let entropy: SeededEntropy

    init(number: Int, entropy: SeededEntropy) {
        key = "poisoned-\(number)"
        length = 2 + Int64(entropy.number(below: Self.lengthLimit))
        bad = 1 + Int64(entropy.number(below: UInt64(length)))
        ill = entropy.number(below: 3) == 0 ? .misfiled : .unreadable
        remedy = entropy.number(below: 3) == 0 ? .dropped : .mended
        isHasty = entropy.number(below: 3) == 0
        begin = entropy.fraction()
        self.entropy = entropy
    }

    /// Whose inboxes have to park it.
    var groups: [String] {
        switch ill {
        case .unreadable: ["auditor", "carts", "inventory"]
        case .misfiled: ["auditor"]
        }
    }

    /// What is published under a number.
    func body(_ sequence: Int64) throws -> Data {
        guard sequence == bad else { return try sound(sequence) }
        switch ill {
        case .unreadable: return Self.unreadable
        case .misfiled: return try Self.event(about: "another", sequence)
        }
    }

    /// What changes nothing anywhere, and can be read; with a field that nobody here knows, which is kept all the same.
    func sound(_ sequence: Int64) throws -> Data { try Self.event(about: key, sequence) }

    private static func event(about order: String, _ sequence: Int64) throws -> Data {
        let change = OrderChanged.with {
            $0.orderID = order
            $0.kind = .placed
            $0.customerID = "\(source)-\(sequence)"
        }
        return try NextField.added(to: change).serializedData()
    }

    /// What must have taken effect in the end.
    ///
    /// - Parameter isTended: Whether there is an operator; nobody else can mend anything.
    func expected(isTended: Bool) throws -> [Books.Entry] {
        try (1...length).compactMap { sequence in
            guard sequence != bad || isTended && remedy == .mended else { return nil }
            return Books.Entry(
                topic: Self.topic,
                key: key,
                source: Self.source,
                epoch: 1,
                sequence: sequence,
                body: Array(try sound(sequence))
            )
        }
    }
}
