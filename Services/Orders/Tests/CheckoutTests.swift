import MartletCore
import MartletWorkflows
import OrdersContract
import PaymentsContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Orders

@Suite("Checkout")
struct CheckoutTests {
    let fixture: OrdersFixture

    init() async throws { fixture = try await OrdersFixture() }

    @Test("completes: the order is paid and its goods are sold")
    func completes() async throws {
        let id = try await fixture.completed()
        let order = try await fixture.order(id)
        #expect(order.status == .completed)
        #expect(order.captured.minorUnits == 510)
        #expect(fixture.inventory.stock["mug"] == 8)
        #expect(fixture.inventory.heldReservations == 0)
        #expect(fixture.payments.statuses == [id: .captured])
        #expect(
            try await fixture.timeline(id) == [
                "placed", "stock_reserved", "payment_authorised", "confirmed", "capture_requested", "captured",
                "completed",
            ]
        )
        #expect(try await fixture.publishedKinds(id) == [.placed, .confirmed, .completed])
        #expect(try await fixture.unfinished().isEmpty)
    }

    @Test(
        "completes despite lost responses at every step",
        arguments: ["reserve", "authorise", "confirm", "capture"],
        [Script.InjectedFault.requestLost, .responseLost]
    )
    func lostResponses(step: String, fault: Script.InjectedFault) async throws {
        fixture.inventory.script.inject(step, fault, fault)
        fixture.payments.script.inject(step, fault, fault)
        let id = try await fixture.completed()
        #expect(try await fixture.order(id).status == .completed)
        #expect(fixture.inventory.stock["mug"] == 8)
        #expect(fixture.payments.captured == 510)
    }

    @Test("insufficient stock rejects the order without a payment")
    func insufficientStock() async throws {
        let id = try await fixture.completed(["mug": 2, "pen": 2])
        let order = try await fixture.order(id)
        #expect(order.status == .rejected)
        #expect(order.reason == "inventory.insufficient_stock")
        #expect(fixture.inventory.stock == ["mug": 10, "pen": 1])
        #expect(fixture.payments.statuses == [:])
        #expect(try await fixture.timeline(id) == ["placed", "rejected"])
        #expect(try await fixture.publishedKinds(id) == [.placed, .rejected])
        #expect(try await fixture.unfinished().isEmpty)
    }

    @Test("a declined payment releases the stock")
    func declined() async throws {
        let id = try await fixture.place(method: "declined").orderID
        try await fixture.runUntilIdle()
        let order = try await fixture.order(id)
        #expect(order.status == .rejected)
        #expect(order.reason == "payments.declined")
        #expect(fixture.inventory.stock["mug"] == 10)
        #expect(fixture.inventory.heldReservations == 0)
        #expect(fixture.payments.captured == 0)
    }

    @Test(
        "a cancel before the capture compensates every step",
        arguments: ["before", "reserve", "authorise", "confirm"]
    )
    func cancelled(point: String) async throws {
        let fixture = fixture
        let id = try await fixture.place().orderID
        let cancel: @Sendable () async throws -> Void = { try await fixture.cancel(id) }
        fixture.inventory.script.during(point, cancel)
        fixture.payments.script.during(point, cancel)
        if point == "before" { try await cancel() }
        try await fixture.runUntilIdle()
        let order = try await fixture.order(id)
        #expect(order.status == .cancelled)
        #expect(order.reason == "changed my mind")
        #expect(fixture.inventory.stock == ["mug": 10, "pen": 1])
        #expect(fixture.inventory.heldReservations == 0)
        #expect(fixture.payments.statuses == [id: .voided])
        #expect(try await fixture.publishedKinds(id).last == .cancelled)
        #expect(try await fixture.unfinished().isEmpty)
    }

    @Test("a refused capture parks the run for an operator")
    func captureRefused() async throws {
        let fixture = fixture
        let id = try await fixture.place().orderID
        fixture.inventory.script.during("confirm") {
            _ = try await fixture.payments.client.voidPayment(.with { $0.paymentID = id }, context: fixture.alice)
        }
        try await fixture.runUntilIdle()
        let unfinished = try await fixture.unfinished()
        #expect(unfinished.map(\.state) == [.needsHuman])
        #expect(try await fixture.order(id).status == .confirmed)
        #expect(fixture.payments.captured == 0)

        // A retry is refused again; when an operator ends the run, every step is compensated.
        #expect(try await fixture.engine.operations.retry("checkout/\(id)"))
        try await fixture.runUntilIdle()
        #expect(try await fixture.unfinished().map(\.state) == [.needsHuman])
        #expect(try await fixture.engine.operations.compensate("checkout/\(id)"))
        try await fixture.runUntilIdle()
        #expect(try await fixture.unfinished().isEmpty)
        #expect(try await fixture.order(id).status == .rejected)
        #expect(fixture.payments.captured == 0)
    }

    @Test("a cancel during the capture refunds everything")
    func cancelledDuringCapture() async throws {
        let fixture = fixture
        let id = try await fixture.place().orderID
        fixture.payments.script.during("capture") { try await fixture.cancel(id) }
        try await fixture.runUntilIdle()
        try await expectRefunded(id)
        #expect(try await fixture.timeline(id).contains("capture_requested"))
    }

    @Test("a cancel after the completion refunds everything, once")
    func cancelledAfterwards() async throws {
        let id = try await fixture.completed()
        for _ in 1...2 {
            let status = try await fixture.cancel(id)
            #expect(status == .completed)
        }
        try await fixture.runUntilIdle()
        try await expectRefunded(id)
    }

    private func expectRefunded(_ id: String) async throws {
        let order = try await fixture.order(id)
        #expect(order.status == .completed)
        #expect(order.captured.minorUnits == 510)
        #expect(order.refunded.minorUnits == 510)
        #expect(fixture.payments.refunded == 510)
        #expect(fixture.inventory.stock == ["mug": 10, "pen": 1])
        #expect(try await fixture.publishedKinds(id) == [.placed, .confirmed, .completed, .returned])
        #expect(try await fixture.unfinished().isEmpty)
    }

    @Test("skips the payment of a free order and the stock of an order without goods")
    func skippedSteps() async throws {
        fixture.catalog.set("pen", pence: 0)
        let gift = try await fixture.completed(["pen": 1])
        #expect(try await fixture.order(gift).status == .completed)
        #expect(fixture.payments.statuses == [:])
        let postage = try await fixture.completed(["POST": 1])
        #expect(try await fixture.order(postage).status == .completed)
        #expect(fixture.inventory.stock == ["mug": 10, "pen": 0])
        #expect(fixture.payments.captured == 400)
    }

    @Test("splits more units of a SKU than one contract line may have")
    func manyUnits() async throws {
        let refused = try await fixture.completed(["mug": 100_000, "mug": 100_000])
        #expect(try await fixture.order(refused).reason == "inventory.insufficient_stock")
    }

    @Test("a rejected order cannot be cancelled or returned")
    func rejectedIsFinal() async throws {
        let id = try await fixture.completed(["pen": 5])
        #expect(await refusal { try await fixture.cancel(id) }?.reason == "orders.not_cancellable")
        let refused = await refusal { try await fixture.returnUnits(of: id, as: "r1", ["pen": 1]) }
        #expect(refused?.reason == "orders.not_returnable")
    }
}
