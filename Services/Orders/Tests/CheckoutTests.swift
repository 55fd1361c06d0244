import MartletCore
import MartletWorkflows
import OrdersContract
import PaymentsContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Orders

@Suite("A checkout")
struct CheckoutTests {
    let world: OrdersWorld

    init() async throws { world = try await OrdersWorld() }

    @Test("leads to a paid order and goods that are sold")
    func completes() async throws {
        let id = try await world.completed()
        let order = try await world.order(id)
        #expect(order.status == .completed)
        #expect(order.captured.minorUnits == 510)
        #expect(world.stock.stock["mug"] == 8)
        #expect(world.stock.promised == 0)
        #expect(world.desk.standings == [id: .captured])
        #expect(
            try await world.timeline(id) == [
                "placed", "stock_reserved", "payment_authorised", "confirmed", "capture_requested", "captured",
                "completed",
            ]
        )
        #expect(try await world.told(id) == [.placed, .confirmed, .completed])
        #expect(try await world.unfinished().isEmpty)
    }

    @Test(
        "survives lost answers at every step",
        arguments: ["reserve", "authorise", "confirm", "capture"],
        [Script.Trouble.lostBeforeActing, .lostAfterActing]
    )
    func lostAnswers(step: String, trouble: Script.Trouble) async throws {
        world.stock.script.trouble(step, trouble, trouble)
        world.desk.script.trouble(step, trouble, trouble)
        let id = try await world.completed()
        #expect(try await world.order(id).status == .completed)
        #expect(world.stock.stock["mug"] == 8)
        #expect(world.desk.captured == 510)
    }

    @Test("that finds too little stock rejects the order, and takes no money")
    func insufficientStock() async throws {
        let id = try await world.completed(["mug": 2, "pen": 2])
        let order = try await world.order(id)
        #expect(order.status == .rejected)
        #expect(order.reason == "inventory.insufficient_stock")
        #expect(world.stock.stock == ["mug": 10, "pen": 1])
        #expect(world.desk.standings == [:])
        #expect(try await world.timeline(id) == ["placed", "rejected"])
        #expect(try await world.told(id) == [.placed, .rejected])
        #expect(try await world.unfinished().isEmpty)
    }

    @Test("whose payment is declined gives the stock back")
    func declined() async throws {
        let id = try await world.place(method: "declined").orderID
        try await world.settle()
        let order = try await world.order(id)
        #expect(order.status == .rejected)
        #expect(order.reason == "payments.declined")
        #expect(world.stock.stock["mug"] == 10)
        #expect(world.stock.promised == 0)
        #expect(world.desk.captured == 0)
    }

    @Test(
        "of an order that is cancelled before its capture undoes everything",
        arguments: ["before", "reserve", "authorise", "confirm"]
    )
    func cancelled(point: String) async throws {
        let world = world
        let id = try await world.place().orderID
        let cancel: @Sendable () async throws -> Void = { try await world.cancel(id) }
        world.stock.script.during(point, cancel)
        world.desk.script.during(point, cancel)
        if point == "before" { try await cancel() }
        try await world.settle()
        let order = try await world.order(id)
        #expect(order.status == .cancelled)
        #expect(order.reason == "changed my mind")
        #expect(world.stock.stock == ["mug": 10, "pen": 1])
        #expect(world.stock.promised == 0)
        #expect(world.desk.standings == [id: .voided])
        #expect(try await world.told(id).last == .cancelled)
        #expect(try await world.unfinished().isEmpty)
    }

    @Test("whose capture is refused waits for a human, and is neither failed nor dropped")
    func captureRefused() async throws {
        let world = world
        let id = try await world.place().orderID
        world.stock.script.during("confirm") {
            _ = try await world.desk.voidPayment(.with { $0.paymentID = id }, context: world.alice)
        }
        try await world.settle()
        let unfinished = try await world.unfinished()
        #expect(unfinished.map(\.state) == [.needsHuman])
        #expect(try await world.order(id).status == .confirmed)
        #expect(world.desk.captured == 0)

        // Asked again it is refused again; ended by an operator, everything is undone.
        #expect(try await world.engine.operations.retry("checkout/\(id)"))
        try await world.settle()
        #expect(try await world.unfinished().map(\.state) == [.needsHuman])
        #expect(try await world.engine.operations.compensate("checkout/\(id)"))
        try await world.settle()
        #expect(try await world.unfinished().isEmpty)
        #expect(try await world.order(id).status == .rejected)
        #expect(world.desk.captured == 0)
    }

    @Test("of an order that is cancelled during its capture refunds everything")
    func cancelledDuringCapture() async throws {
        let world = world
        let id = try await world.place().orderID
        world.desk.script.during("capture") { try await world.cancel(id) }
        try await world.settle()
        try await expectRefunded(id)
        #expect(try await world.timeline(id).contains("capture_requested"))
    }

    @Test("of an order that is cancelled after its completion refunds everything, once")
    func cancelledAfterwards() async throws {
        let id = try await world.completed()
        for _ in 1...2 {
            let status = try await world.cancel(id)
            #expect(status == .completed)
        }
        try await world.settle()
        try await expectRefunded(id)
    }

    private func expectRefunded(_ id: String) async throws {
        let order = try await world.order(id)
        #expect(order.status == .completed)
        #expect(order.captured.minorUnits == 510)
        #expect(order.refunded.minorUnits == 510)
        #expect(world.desk.refunded == 510)
        #expect(world.stock.stock == ["mug": 10, "pen": 1])
        #expect(try await world.told(id) == [.placed, .confirmed, .completed, .returned])
        #expect(try await world.unfinished().isEmpty)
    }

    @Test("asks for no money when there is none to pay, and for no stock when there are no goods")
    func leftOut() async throws {
        world.prices.set("pen", pence: 0)
        let gift = try await world.completed(["pen": 1])
        #expect(try await world.order(gift).status == .completed)
        #expect(world.desk.standings == [:])
        let postage = try await world.completed(["POST": 1])
        #expect(try await world.order(postage).status == .completed)
        #expect(world.stock.stock == ["mug": 10, "pen": 0])
        #expect(world.desk.captured == 400)
    }

    @Test("takes more units of one SKU than a line of the contract holds")
    func manyUnits() async throws {
        let refused = try await world.completed(["mug": 100_000, "mug": 100_000])
        #expect(try await world.order(refused).reason == "inventory.insufficient_stock")
    }

    @Test("of a rejected order is over: it cannot be cancelled or returned")
    func rejectedIsFinal() async throws {
        let id = try await world.completed(["pen": 5])
        #expect(await refusal { try await world.cancel(id) }?.reason == "orders.not_cancellable")
        #expect(await refusal { try await world.giveBack(id, "r1", ["pen": 1]) }?.reason == "orders.not_returnable")
    }
}
