import CatalogContract
import Foundation
import InventoryContract
import MartletContract
import MartletCore
import MartletEventLog
import MartletMessaging
import MartletTesting
import OrdersContract
import PaymentsContract
import SharedContract
import Shop
import SimulatedCluster
import SwiftProtobuf

/// Calls that no contract admits: by services that have no business with the callee, and with words for power in a token; and
/// what the event log refuses: events of other services, groups of other services, and topics without an edge.
///
/// They are made when everything else has ended, so that they change nothing of the run before.
struct DeniedCalls: Sendable {
    private static let callTimeout = Duration.seconds(3)
    private static let retryInterval = Duration.milliseconds(100)
    private static let attemptsMax = 100

    private struct Attempt: Sendable {
        let what: String
        let principal: Principal
        let call: @Sendable (CallContext) async throws -> Void
    }

    private let world: ShopWorld
    private let catalog: CatalogClient
    private let inventory: InventoryClient
    private let payments: PaymentsClient
    private let log: EventLogClient

    init(in world: ShopWorld) {
        self.world = world
        catalog = CatalogClient(over: world.network.channel(from: world.outside, to: "catalog"))
        inventory = InventoryClient(over: world.network.channel(from: world.outside, to: "inventory"))
        payments = PaymentsClient(over: world.network.channel(from: world.outside, to: "payments"))
        log = EventLogClient(over: world.network.channel(from: world.outside, to: Deployment.eventLogName))
    }

    /// The calls that were admitted.
    func violations() async throws -> [Violation] {
        var found: [Violation] = []
        for attempt in try attempts + forgeries() + readings where try await isAdmitted(attempt) {
            found.append(Violation(.powerNotGiven, "\(attempt.what) was admitted"))
        }
        return found
    }

    private var attempts: [Attempt] {
        let refund = RefundRequest.with {
            $0.paymentID = "none"
            $0.refundID = "denied"
            $0.amount = Money(1, currency: "GBP")
        }
        let product = PutProductRequest.with {
            $0.sku = "denied"
            $0.name = "denied"
        }
        let (catalog, inventory, payments) = (catalog, inventory, payments)
        return [
            Attempt(
                what: "a refund by a user with the scope service",
                principal: Principal(user: "eve", scopes: ["service", "orders"]),
                call: { _ = try await payments.refund(refund, context: $0) }
            ),
            Attempt(
                what: "a refund by another service than orders",
                principal: Principal(service: "provider", for: .user("ann")),
                call: { _ = try await payments.refund(refund, context: $0) }
            ),
            Attempt(
                what: "a refund that orders asks for itself",
                principal: Principal(service: "orders", for: .itself),
                call: { _ = try await payments.refund(refund, context: $0) }
            ),
            Attempt(
                what: "a release by a service that has no business with stock",
                principal: Principal(service: "provider", for: .user("ann")),
                call: { _ = try await inventory.release(.with { $0.reservationID = "denied" }, context: $0) }
            ),
            Attempt(
                what: "a change of the catalogue by carts for a user",
                principal: Principal(service: "carts", for: .user("merchant")),
                call: { _ = try await catalog.putProduct(product, context: $0) }
            ),
        ]
    }

    /// An event of each topic, as each service that is not its owner would forge it.
    private func forgeries() throws -> [Attempt] {
        let services = world.stores.names.filter { $0 != Deployment.eventLogName }.sorted()
        return try ShopContracts.topics.flatMap { topic -> [Attempt] in
            let (name, owner) = try Self.place(of: topic)
            let event = EventRecord.with {
                $0.id = "forged"
                $0.source = owner
                $0.epoch = 1
                $0.topic = name
                $0.key = "forged"
                $0.sequence = 1
            }
            return services.filter { ExactText($0) != ExactText(owner) }.map { [log] service in
                Attempt(
                    what: "an event of \(owner) that \(service) publishes on \(name)",
                    principal: Principal(service: ExactText(service), for: .itself),
                    call: { _ = try await log.publish(.with { $0.events = [event] }, context: $0) }
                )
            }
        }
    }

    private static func place(of topic: some EventTopic) throws -> (name: String, owner: String) {
        guard let owner = topic.typed.source else {
            throw Fault(.internal, .internal, "the topic \(topic.typed.name) names no source")
        }
        return (topic.typed.name, owner)
    }

    private var readings: [Attempt] {
        func joining(_ group: String, of topic: String, by service: ExactText, what: String) -> Attempt {
            let request = JoinRequest.with {
                $0.topic = topic
                $0.group = group
                $0.start = .earliest
                $0.window = 1
            }
            return Attempt(
                what: what,
                principal: Principal(service: service, for: .itself),
                // The membership ends with the stream.
                call: { [log] in _ = try await log.join(request, context: $0).pull() }
            )
        }
        let orders = OrdersTopics.orders.name
        return [
            joining("provider", of: orders, by: "provider", what: "a service that reads a topic without an edge"),
            joining("inventory", of: orders, by: "carts", what: "a service that joins the group of another one"),
        ]
    }

    private func isAdmitted(_ attempt: Attempt) async throws -> Bool {
        for _ in 0..<Self.attemptsMax {
            let context = CallContext(deadline: world.time.now + Self.callTimeout, principal: attempt.principal)
            do {
                try await attempt.call(context)
                return true
            } catch {
                try Task.checkCancellation()
                let fault = Fault(describing: error)
                if fault.code == .permissionDenied { return false }
                // Any other refusal is the handler's, which was reached.
                if fault.code.outcome == .refused { return true }
                try await world.time.sleep(for: Self.retryInterval)
            }
        }
        return false
    }
}
