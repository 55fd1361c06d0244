import MartletCore
import MartletEventSourcing
import MartletHost
import MartletSQL
import MartletSQLite
import MartletTesting
import MartletWorkflows
import PaymentsContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Orders

/// One stored order with its own database and fakes, for one pass of a replay.
private struct Pass {
    let time = ManualTime()
    let database: SQLiteDatabase
    let orders: OrderStore
    let inventory = FakeInventory()
    let payments = FakePayments()

    init(_ events: [OrderEvent]) async throws {
        let runtime = Runtime(time: time, seed: 2)
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(ServiceRuntime.migrations(of: OrdersService.self))
        let engine = WorkflowEngine(service: "orders", database: database, runtime: runtime)
        let orders = OrderStore(workflows: engine)
        self.orders = orders
        engine.register([
            RegisteredWorkflow(ReturnWorkflow(orders: orders, inventory: inventory.client, payments: payments.client))
        ])
        try await database.transaction { tx in
            let store = EventStore(projections: [OrderSummary.projection], upcasters: [])
            try store.update(OrderStream.self, "o1", in: tx) { _ in events }
        }
    }

    func world<W: Workflow>(_ workflow: W) -> WorkflowReplay<W>.Environment {
        WorkflowReplay<W>.Environment(
            database: database,
            runtime: Runtime(time: time, seed: 3),
            workflow: workflow,
            effects: { [self] in
                let history = try await database.read { tx in try orders.history("o1", in: tx).map(\.event.name) }
                return "\(history) \(inventory.description) \(payments.description)"
            }
        )
    }
}

@Suite("Order workflows, killed and resumed at every step boundary")
struct ReplayTests {
    private typealias Action = @Sendable () async throws -> Void

    private static let placed = OrderEvent.placed(
        Placement(
            customerID: "alice",
            reference: nil,
            cartID: nil,
            cartRevision: nil,
            cartVersion: nil,
            currency: "GBP",
            lines: [.mugs],
            totalMinorUnits: 510
        )
    )

    private func checkout(
        _ method: String = "pm_test_ok",
        quantity: Int = 2,
        _ prepare: @escaping @Sendable (FakeInventory, FakePayments, @escaping Action) -> Void = { _, _, _ in }
    ) async throws -> WorkflowReplay<Checkout>.Report {
        let input = Checkout.Input(
            orderID: "o1",
            goods: [.init(sku: "mug", quantity: quantity)],
            totalMinorUnits: 510,
            currency: "GBP",
            paymentMethod: method
        )
        return try await WorkflowReplay<Checkout>(of: input, limits: .immediateRetries) {
            let pass = try await Pass([Self.placed])
            prepare(pass.inventory, pass.payments) {
                try await pass.database.transaction { tx in
                    _ = try pass.orders.change("o1", in: tx) { try $0.requestCancel(textID: "t1") }
                }
            }
            return pass.world(
                Checkout(orders: pass.orders, inventory: pass.inventory.client, payments: pass.payments.client)
            )
        }.run()
    }

    @Test("completes as without a crash")
    func completes() async throws {
        let report = try await checkout()
        #expect(report.differences == [])
        #expect(report.uninterrupted.output == "\"completed\"")
        #expect(report.uninterrupted.effects.contains(#"["o1 510 captured"]"#))
        // A local step, four calls, and the intents of the two that follow a result.
        #expect(report.killed.count == 7)
    }

    @Test("completes as without a crash, also with lost responses")
    func completesWithLostResponses() async throws {
        let report = try await checkout { inventory, payments, _ in
            inventory.script.inject("confirm", .responseLost)
            payments.script.inject("authorise", .requestLost)
            payments.script.inject("capture", .responseLost)
        }
        #expect(report.differences == [])
        #expect(report.uninterrupted.output == "\"completed\"")
    }

    @Test("rejects for insufficient stock as without a crash")
    func insufficient() async throws {
        let report = try await checkout(quantity: 11)
        #expect(report.differences == [])
        #expect(report.uninterrupted.output == "\"inventory.insufficient_stock\"")
        #expect(report.uninterrupted.effects.contains("rejected"))
    }

    @Test("releases the stock of a declined payment as without a crash")
    func declined() async throws {
        let report = try await checkout("declined")
        #expect(report.differences == [])
        #expect(report.uninterrupted.output == "\"payments.declined\"")
        #expect(report.uninterrupted.effects.contains("mug=10"))
    }

    @Test("cancels as without a crash", arguments: ["reserve", "authorise", "confirm"])
    func cancelled(point: String) async throws {
        let report = try await checkout { inventory, payments, cancel in
            inventory.script.during(point, cancel)
            payments.script.during(point, cancel)
        }
        #expect(report.differences == [])
        #expect(report.uninterrupted.output == "\"orders.cancelled\"")
        #expect(report.uninterrupted.effects.contains("voided"))
    }

    @Test("completes a return as without a crash")
    func returns() async throws {
        let orderReturn = OrderReturn(
            id: "r1",
            items: [ReturnItem(line: 0, code: nil, quantity: 1)],
            lines: [.init(line: 0, quantity: 1)],
            refundMinorUnits: 255
        )
        let input = ReturnWorkflow.Input(
            orderID: "o1",
            returnID: "r1",
            goods: [.init(sku: "mug", quantity: 1)],
            refundMinorUnits: 255,
            currency: "GBP"
        )
        let report = try await WorkflowReplay<ReturnWorkflow>(of: input, limits: .immediateRetries) {
            let pass = try await Pass([Self.placed, .confirmed, .captured(minorUnits: 510), .completed])
            _ = try await pass.payments.client.authorise(
                .with {
                    $0.paymentID = "o1"
                    $0.orderID = "o1"
                    $0.amount = Money(510, currency: "GBP")
                    $0.paymentMethod = "pm"
                },
                context: CallContext()
            )
            _ = try await pass.payments.client.capture(.with { $0.paymentID = "o1" }, context: CallContext())
            // Stored without starting a run, since the replay is the run.
            try await pass.database.transaction { tx in
                let events = EventStore(projections: [OrderSummary.projection], upcasters: [])
                try events.update(OrderStream.self, "o1", in: tx) { _ in [.returnRequested(orderReturn)] }
            }
            return pass.world(
                ReturnWorkflow(orders: pass.orders, inventory: pass.inventory.client, payments: pass.payments.client)
            )
        }.run()
        #expect(report.differences == [])
        #expect(report.uninterrupted.output == "\"returned\"")
        #expect(report.uninterrupted.effects.contains("o1/r1=255"))
        #expect(report.uninterrupted.effects.contains("mug=11"))
    }
}
