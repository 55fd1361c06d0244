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
import SimulatedCluster
import SwiftProtobuf

/// Operations besides the customers, so that every crash point is passed: a defect of `orders` publishes unreadable
/// events, an operator edits and redrives them, and the merchant changes the catalogue.
struct BackgroundOperations: Sendable {
    /// The source of the unreadable events.
    private static let source = PlantedEvents.source
    private static let operators = Principal(user: "operator", scopes: ["operate"])
    private static let unreadable = Data([0xFF, 0xFF, 0xFF])
    private static let pollInterval = Duration.milliseconds(500)
    /// The deadline of one call.
    private static let callTimeout = Duration.seconds(3)
    /// Polls or attempts before the operation fails.
    private static let attemptsMax = 1_000

    struct TimedOut: Error {
        let what: String
    }

    let world: ShopWorld
    /// How often the operations are repeated.
    let rounds: Int

    /// The events that must have taken effect in the end, as edited by the operator.
    func expected() throws -> [StateSnapshot.Entry] {
        try (0..<rounds).map { round in
            StateSnapshot.Entry(
                topic: OrdersTopics.orders.name,
                key: Self.key(round),
                source: Self.source,
                epoch: 1,
                sequence: 1,
                body: Array(try Self.repaired(round))
            )
        }
    }

    private static func key(_ round: Int) -> String { "garbled-\(round)" }

    /// A readable event that changes no state.
    private static func repaired(_ round: Int) throws -> Data {
        let order = OrderChanged.with {
            $0.orderID = key(round)
            $0.kind = .placed
        }
        // With an unknown field: parking, editing and redriving must preserve it.
        return try NextField.added(to: order).serializedData()
    }

    func run() async throws {
        for round in 0..<rounds {
            try await change(round)
            try await publish(round)
            for group in world.groups(of: OrdersTopics.orders.name) { try await repair(round, group) }
        }
    }

    // MARK: Operations

    private func change(_ round: Int) async throws {
        let catalog = CatalogClient(over: world.network.channel(from: world.outside, to: "catalog"))
        let product = ImportedProduct.with {
            $0.sku = "novelty-\(round)"
            $0.name = "A novelty"
        }
        try await retry("change the catalogue") {
            try await catalog.importProducts(
                .with { $0.products = [product] },
                context: context(Principal(user: "merchant", scopes: ["catalog:write"]), key: "novelty-\(round)")
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
        try await retry("publish an event that cannot be read") {
            try await log.publish(
                .with { $0.events = [event] },
                context: context(Principal(service: ExactText(Self.source), for: .itself))
            )
        }
    }

    /// Waits until `group` has parked the event, edits and redrives it, and waits until it is processed.
    private func repair(_ round: Int, _ group: String) async throws {
        let (topic, key, reason) = (OrdersTopics.orders.name, Self.key(round), "it could not be read")
        let service = Cluster.operators(of: group)
        let operatorClient = OperateClient(over: world.network.channel(from: world.outside, to: service))
        let list = ListParkedMessagesRequest.with {
            $0.group = group
            $0.topic = topic
            $0.key = key
        }
        func parked() async throws -> [ParkedMessageRecord] {
            try await retry("list what \(group) parked") {
                try await operatorClient.listParkedMessages(list, context: context(Self.operators))
            }?.messages ?? []
        }
        let id = try await until("\(group) parks \(key)") { try await parked().first?.id }
        let body = try Self.repaired(round)
        let edit = EditParkedMessageRequest.with {
            $0.group = group
            $0.topic = topic
            $0.id = id
            $0.body = body
            $0.reason = reason
        }
        try await retry("edit what \(group) parked") {
            try await operatorClient.editParkedMessage(edit, context: context(Self.operators))
        }
        let redrive = RedriveParkedKeyRequest.with {
            $0.group = group
            $0.topic = topic
            $0.key = key
            $0.reason = reason
        }
        // Refused when an earlier attempt has been processed to the end.
        try await retry("redrive what \(group) parked", mayBeRefused: true) {
            try await operatorClient.redriveParkedKey(redrive, context: context(Self.operators))
        }
        try await until("\(group) redrives \(key)") { try await parked().isEmpty ? true : nil }
    }

    // MARK: Retries

    @discardableResult
    private func until<R>(_ what: String, _ check: () async throws -> R?) async throws -> R {
        for _ in 0..<Self.attemptsMax {
            if let found = try await check() { return found }
            try await world.time.sleep(for: Self.pollInterval)
        }
        throw TimedOut(what: what)
    }

    /// Retries until there is a response; `nil` when a permitted refusal is returned.
    @discardableResult
    private func retry<R>(
        _ what: String,
        mayBeRefused: Bool = false,
        _ call: () async throws -> R
    ) async throws -> R? {
        for _ in 0..<Self.attemptsMax {
            do { return try await call() } catch {
                try Task.checkCancellation()
                let fault = Fault(describing: error)
                // The service of a topic may not have started yet.
                if fault.code.outcome == .refused, fault.reason.name != "eventlog.unknown_topic" {
                    guard mayBeRefused else { throw error }
                    return nil
                }
                try await world.time.sleep(for: Self.pollInterval)
            }
        }
        throw TimedOut(what: what)
    }

    private func context(_ principal: Principal, key: String? = nil) -> CallContext {
        CallContext(deadline: world.time.now + Self.callTimeout, principal: principal, idempotencyKey: key)
    }
}
