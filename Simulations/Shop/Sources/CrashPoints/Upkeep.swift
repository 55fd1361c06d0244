import CatalogContract
import Foundation
import MartletContract
import MartletCore
import MartletEventLog
import MartletHost
import MartletMessaging
import MartletSimulation
import OrdersContract
import SharedContract
import SwiftProtobuf

/// What goes on beside the customers, so that every crash point is passed: a foreign system publishes events that nobody can
/// read, an operator mends and redrives them, and the merchant changes the catalogue.
struct Upkeep: Sendable {
    /// Who publishes what cannot be read.
    private static let source = "elsewhere"
    private static let unreadable = Data([0xFF, 0xFF, 0xFF])
    /// The groups of the topic.
    private static let groups = ["auditor", "carts", "inventory"]
    private static let pause = Duration.milliseconds(500)
    /// How long one call may take.
    private static let patience = Duration.seconds(3)
    /// Looks after which even the operator of a simulation goes home.
    private static let looksLimit = 1_000

    struct GaveUp: Error {
        let what: String
    }

    let world: ShopWorld
    /// How often everything is done.
    let rounds: Int

    /// What must have taken effect in the end, as the operator mended it.
    func mended() throws -> [Books.Entry] {
        try (0..<rounds).map { round in
            Books.Entry(
                topic: OrdersTopics.orders.name,
                key: Self.key(round),
                source: Self.source,
                epoch: 1,
                sequence: 1,
                body: Array(try Self.mended(round))
            )
        }
    }

    private static func key(_ round: Int) -> String { "garbled-\(round)" }

    /// An event that changes nothing anywhere, and can be read.
    private static func mended(_ round: Int) throws -> Data {
        let order = OrderChanged.with {
            $0.orderID = key(round)
            $0.kind = .placed
        }
        // With a field that nobody here knows: it is kept through parking, mending and redriving.
        return try NextField.added(to: order).serializedData()
    }

    func run() async throws {
        for round in 0..<rounds {
            try await change(round)
            try await publish(round)
            for group in Self.groups { try await mend(round, group) }
        }
    }

    // MARK: Acts

    private func change(_ round: Int) async throws {
        let catalog = CatalogClient(over: world.network.channel(from: world.outside, to: "catalog"))
        let product = ImportedProduct.with {
            $0.sku = "novelty-\(round)"
            $0.name = "A novelty"
        }
        try await insist("change the catalogue") {
            try await catalog.importProducts(
                .with { $0.products = [product] },
                context: context("merchant", ["catalog:write"], key: "novelty-\(round)")
            )
        }
    }

    private func publish(_ round: Int) async throws {
        let log = EventLogClient(over: world.network.channel(from: world.outside, to: "eventlog"))
        let event = EventRecord.with {
            $0.id = Self.key(round)
            $0.source = Self.source
            $0.epoch = 1
            $0.topic = OrdersTopics.orders.name
            $0.key = Self.key(round)
            $0.sequence = 1
            $0.time = world.time.date.microseconds
            $0.body = Self.unreadable
        }
        try await insist("publish an event that cannot be read") {
            try await log.publish(.with { $0.events = [event] }, context: context(Self.source, ["service"]))
        }
    }

    /// Waits until `group` has parked the event, mends it, and sees it go.
    private func mend(_ round: Int, _ group: String) async throws {
        let (topic, key, why) = (OrdersTopics.orders.name, Self.key(round), "it could not be read")
        let service = ShopWorld.operators(of: group)
        let desk = OperateClient(over: world.network.channel(from: world.outside, to: service))
        let list = ListParkedMessagesRequest.with {
            $0.group = group
            $0.topic = topic
            $0.key = key
        }
        func parked() async throws -> [ParkedMessageRecord] {
            try await insist("list what \(group) parked") {
                try await desk.listParkedMessages(list, context: context("operator", ["operate"]))
            }?.messages ?? []
        }
        let id = try await until("\(group) parks \(key)") { try await parked().first?.id }
        let body = try Self.mended(round)
        let edit = EditParkedMessageRequest.with {
            $0.group = group
            $0.topic = topic
            $0.id = id
            $0.body = body
            $0.reason = why
        }
        try await insist("edit what \(group) parked") {
            try await desk.editParkedMessage(edit, context: context("operator", ["operate"]))
        }
        let redrive = RedriveParkedKeyRequest.with {
            $0.group = group
            $0.topic = topic
            $0.key = key
            $0.reason = why
        }
        // Refused when it was heard before, and has come to its end.
        try await insist("redrive what \(group) parked", mayBeRefused: true) {
            try await desk.redriveParkedKey(redrive, context: context("operator", ["operate"]))
        }
        try await until("\(group) redrives \(key)") { try await parked().isEmpty ? true : nil }
    }

    // MARK: Patience

    @discardableResult
    private func until<R>(_ what: String, _ look: () async throws -> R?) async throws -> R {
        for _ in 0..<Self.looksLimit {
            if let found = try await look() { return found }
            try await world.time.sleep(for: Self.pause)
        }
        throw GaveUp(what: what)
    }

    /// Asks until there is an answer; `nil` when it is refused and may be.
    @discardableResult
    private func insist<R>(
        _ what: String,
        mayBeRefused: Bool = false,
        _ call: () async throws -> R
    ) async throws -> R? {
        for _ in 0..<Self.looksLimit {
            do { return try await call() } catch {
                try Task.checkCancellation()
                if Fault(describing: error).code.outcome == .refused {
                    guard mayBeRefused else { throw error }
                    return nil
                }
                try await world.time.sleep(for: Self.pause)
            }
        }
        throw GaveUp(what: what)
    }

    private func context(_ who: String, _ scopes: Set<String>, key: String? = nil) -> CallContext {
        CallContext(
            deadline: world.time.now + Self.patience,
            principal: Principal(kind: .user, id: who, scopes: scopes),
            idempotencyKey: key
        )
    }
}
