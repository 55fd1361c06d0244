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

/// One order on file in a world of its own, for one pass of a replay.
private struct Pass {
    let time = ManualTime()
    let database: SQLiteDatabase
    let orders: OrderStore
    let stock = StockRoom()
    let desk = CashDesk()

    init(_ events: [OrderEvent]) async throws {
        let entropy = SeededEntropy(seed: 2)
        database = try SQLiteDatabase.inMemory(time: time)
        try await database.migrate(ServiceRuntime.migrations(of: OrdersService.self))
        let engine = WorkflowEngine(service: "orders", database: database, time: time, entropy: entropy)
        let orders = OrderStore(workflows: engine)
        self.orders = orders
        engine.register([RegisteredWorkflow(TakeBack(orders: orders, inventory: stock, payments: desk))])
        try await database.transaction { tx in
            _ = try orders.change("o1", in: tx) { _ in events }
        }
    }

    func world<W: Workflow>(_ workflow: W) -> WorkflowReplay<W>.World {
        WorkflowReplay<W>.World(
            database: database,
            time: time,
            entropy: SeededEntropy(seed: 3),
            workflow: workflow,
            effects: { [self] in
                let history = try await database.read { tx in try orders.history("o1", in: tx).map(\.event.name) }
                return "\(history) \(stock.description) \(desk.description)"
            }
        )
    }
}

@Suite("A workflow of orders, killed and resumed at every boundary")
struct ReplayTests {
    private static let placed = OrderEvent.placed(
        Placement(
            customerID: "alice",
            reference: "",
            cartID: "",
            currency: "GBP",
            lines: [.mugs],
            totalMinorUnits: 510
        )
    )

    private func checkout(
        _ method: String = "pm_test_ok",
        quantity: Int = 2,
        _ prepare: @escaping @Sendable (StockRoom, CashDesk, @escaping @Sendable () async throws -> Void) -> Void = {
            _,
            _,
            _ in
        }
    ) async throws -> WorkflowReplay<Checkout>.Report {
        let input = Checkout.Input(
            orderID: "o1",
            goods: [.init(sku: "mug", quantity: quantity)],
            totalMinorUnits: 510,
            currency: "GBP",
            paymentMethod: method
        )
        return try await WorkflowReplay<Checkout>(of: input, limits: .impatient) {
            let pass = try await Pass([Self.placed])
            prepare(pass.stock, pass.desk) {
                try await pass.database.transaction { tx in
                    _ = try pass.orders.change("o1", in: tx) { try $0.requestCancel(reason: "changed my mind") }
                }
            }
            return pass.world(Checkout(orders: pass.orders, inventory: pass.stock, payments: pass.desk))
        }.run()
    }

    @Test("completes as without a crash")
    func completes() async throws {
        let report = try await checkout()
        #expect(report.differences == [])
        #expect(report.undisturbed.output == "\"completed\"")
        #expect(report.undisturbed.effects.contains(#"["o1 510 captured"]"#))
        // A local step, and an intent and a call for each of four remote ones.
        #expect(report.killed.count == 9)
    }

    @Test("completes as without a crash, also when answers get lost")
    func completesWithLostAnswers() async throws {
        let report = try await checkout { stock, desk, _ in
            stock.script.trouble("confirm", .lostAfterActing)
            desk.script.trouble("authorise", .lostBeforeActing)
            desk.script.trouble("capture", .lostAfterActing)
        }
        #expect(report.differences == [])
        #expect(report.undisturbed.output == "\"completed\"")
    }

    @Test("rejects for want of stock as without a crash")
    func insufficient() async throws {
        let report = try await checkout(quantity: 11)
        #expect(report.differences == [])
        #expect(report.undisturbed.output == "\"inventory.insufficient_stock\"")
        #expect(report.undisturbed.effects.contains("rejected"))
    }

    @Test("gives the stock of a declined payment back as without a crash")
    func declined() async throws {
        let report = try await checkout("declined")
        #expect(report.differences == [])
        #expect(report.undisturbed.output == "\"payments.declined\"")
        #expect(report.undisturbed.effects.contains("mug=10"))
    }

    @Test("cancels as without a crash", arguments: ["reserve", "authorise", "confirm"])
    func cancelled(point: String) async throws {
        let report = try await checkout { stock, desk, cancel in
            stock.script.during(point, cancel)
            desk.script.during(point, cancel)
        }
        #expect(report.differences == [])
        #expect(report.undisturbed.output == "\"orders.cancelled\"")
        #expect(report.undisturbed.effects.contains("voided"))
    }

    @Test("takes back as without a crash")
    func takesBack() async throws {
        let back = OrderReturn(
            id: "r1",
            wishes: [ReturnWish(line: 0, code: "", quantity: 1)],
            lines: [.init(line: 0, quantity: 1)],
            refundMinorUnits: 255
        )
        let input = TakeBack.Input(
            orderID: "o1",
            returnID: "r1",
            goods: [.init(sku: "mug", quantity: 1)],
            refundMinorUnits: 255,
            currency: "GBP"
        )
        let report = try await WorkflowReplay<TakeBack>(of: input, limits: .impatient) {
            let pass = try await Pass([Self.placed, .confirmed, .captured(minorUnits: 510), .completed])
            _ = try await pass.desk.authorise(
                .with {
                    $0.paymentID = "o1"
                    $0.amount = Money(510, currency: "GBP")
                },
                context: CallContext()
            )
            _ = try await pass.desk.capture(.with { $0.paymentID = "o1" }, context: CallContext())
            // On file without its own run, since the replay is the run.
            try await pass.database.transaction { tx in
                let events = EventStore(projections: [Headline.projection], upcasters: [])
                try events.update(Order.self, "o1", in: tx) { _ in [.returnRequested(back)] }
            }
            return pass.world(TakeBack(orders: pass.orders, inventory: pass.stock, payments: pass.desk))
        }.run()
        #expect(report.differences == [])
        #expect(report.undisturbed.output == "\"returned\"")
        #expect(report.undisturbed.effects.contains("o1/r1=255"))
        #expect(report.undisturbed.effects.contains("mug=11"))
    }
}
