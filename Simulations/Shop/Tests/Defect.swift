import CartsContract
import InventoryContract
import MartletCore
import MartletMessaging
import OrdersContract
import PaymentsContract
import SwiftProtobuf
import Testing

@testable import ShopSimulation

/// One defect in an otherwise sound world, and the violations that the invariant checker must report for it.
struct Defect: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// The invariant, and text that only one check uses.
    let expected: [(invariant: Invariant, text: String)]
    let apply: @Sendable (inout CheckerFixture) throws -> Void

    /// - Parameter inevitable: Other violations of the same defect.
    init(
        _ name: String,
        _ invariant: Invariant,
        text: String,
        and inevitable: [(Invariant, String)] = [],
        apply: @escaping @Sendable (inout CheckerFixture) throws -> Void
    ) {
        testDescription = name
        expected = [(invariant, text)] + inevitable
        self.apply = apply
    }

    static let all =
        orders + prices + carts + rejections + concurrency + ghosts + money + ledger + stock + announcements + messages
        + accounts

    static let orders = [
        Defect("an acknowledged order is lost", .orderLost, text: "an acknowledged order is not stored") { fixture in
            let gus = ClientObservations.AcknowledgedOrder(
                orderID: "order-gus",
                customer: "gus",
                key: "",
                totalMinorUnits: 500,
                shownMinorUnits: 500,
                goods: [:]
            )
            fixture.acknowledged.append(gus)
        },
        Defect("a return stays open", .notConverged, text: "a return is not finished") {
            $0.snapshot.orders["order-ann"]?.openReturns = 1
        },
        Defect("a stored total differs", .moneyDrifts, text: ", stored ") {
            $0.snapshot.orders["order-cid"]?.total += 1
        },
        Defect("a cancelled order is refunded too little", .chargedTwice, text: "cancelled and paid, refunded") {
            try $0.setAmounts("eve", captured: 500, refunded: 499)
        },
        Defect("a refund is lost", .moneyDrifts, text: "promised to refund", and: [(.moneyDrifts, ", refunded 0")]) {
            try $0.setAmounts("ann", captured: 1_300, refunded: 0)
        },
        Defect("a cancelled order is promised a larger refund", .moneyDrifts, text: "promised to refund") {
            $0.acknowledged["dot"].promisedRefunds["return-0"] = 300
            $0.acknowledged["dot"].returnedUnits["return-0"] = 1
        },
        Defect("there are more orders than customers", .effectTwice, text: "orders of 8 customers") { fixture in
            for name in ["gus", "hal", "ivy"] {
                try fixture.add(name, .unavailable)
                fixture.acknowledged.removeLast()
            }
        },
    ]

    static let prices = [
        Defect("a total is too high", .moneyDrifts, text: "acknowledged 301, expected") {
            $0.acknowledged["cid"].totalMinorUnits += 1
            $0.acknowledged["cid"].shownMinorUnits += 1
            $0.snapshot.orders["order-cid"]?.total += 1
        },
        Defect("an order is placed at another price than was shown", .moneyDrifts, text: "shown 299, acknowledged 300")
        {
            $0.acknowledged["cid"].shownMinorUnits -= 1
        },
        Defect("a promised refund is too high", .moneyDrifts, text: "units, expected") {
            $0.acknowledged["ann"].promisedRefunds["return-0", default: 0] += 1
            try $0.setAmounts("ann", captured: 1_300, refunded: 501)
        },
        Defect("more is refunded than promised", .moneyDrifts, text: ", refunded 501") {
            try $0.setAmounts("ann", captured: 1_300, refunded: 501)
        },
    ]

    static let carts = [
        Defect("an order takes units of its cart twice", .cartBroken, text: "it took units of its cart 2 times") {
            try $0.takeFromCart("ann", leaving: [])
        },
        Defect("a line that was put into a cart after its order is lost", .cartBroken, text: "were put into its cart") {
            $0.snapshot.carts["customer:ann"] = [:]
        },
        Defect("a rejected order has emptied its cart", .cartBroken, text: "it took nothing, and its cart holds 0 of") {
            $0.snapshot.carts["customer:cid"]?["jug"] = nil
        },
        Defect("an order leaves units in its cart", .cartBroken, text: "it left 1 mug") {
            $0.removeLastEvent(CartsTopics.carts.name, "customer:ann")
            try $0.takeFromCart("ann", leaving: ["mug", "vase"])
        },
    ]

    static let rejections = [
        Defect("a good card is declined", .rejectedWithoutCause, text: "rejected because of") {
            try $0.add("gus", .declined)
        },
        Defect("available stock is refused", .rejectedWithoutCause, text: "rejected because of") {
            try $0.add("gus", .unavailable)
        },
        Defect("a reservation expires early", .rejectedWithoutCause, text: "rejected because of") {
            try $0.add("gus", .expired)
        },
        Defect("an order is rejected for another reason", .rejectedWithoutCause, text: "rejected because of") {
            $0.snapshot.orders["order-fay"]?.reason = "internal"
        },
    ]

    static let concurrency = [
        Defect("one of two cancels is refused", .effectTwice, text: "one cancel was accepted and one refused") {
            $0.acknowledged["dot"].cancelRefused = true
        },
        Defect(
            "a cancelled order is returned as well",
            .effectTwice,
            text: "cancelled, and 1 units returned",
            and: [(.oversold, "orders have")]
        ) {
            $0.acknowledged["eve"].promisedRefunds["return-0"] = 500
            $0.acknowledged["eve"].returnedUnits["return-0"] = 1
        },
        Defect("more is returned than was bought", .effectTwice, text: "2 of 1 units returned") {
            try $0.returnUnits("bob", units: 2)
        },
        Defect("a cancel is refused without a conflict", .rejectedWithoutCause, text: "the cancel of a") {
            $0.acknowledged["bob"].cancelRefused = true
        },
        Defect(
            "a return is refused without a conflict",
            .rejectedWithoutCause,
            text: "was refused, and 0 of 1 returned"
        ) {
            $0.acknowledged["bob"].refusedReturns["return-0"] = 1
        },
    ]

    static let ghosts = [
        Defect("a payment has no order", .ghost, text: "a payment without an order") {
            $0.snapshot.providerPayments.append(
                StateSnapshot.ProviderPayment(
                    reference: "order-gus",
                    status: "voided",
                    captured: 0,
                    refunded: 0,
                    captures: 0
                )
            )
            $0.snapshot.payments["payment-gus"] = "order-gus"
            try $0.setAmounts("gus", captured: 0, refunded: 0)
        },
        Defect("a reservation has no order", .ghost, text: "a reservation without an order") {
            $0.snapshot.reservations.append(("order-gus", "released"))
        },
        Defect("stock of a paid order is released", .oversold, text: "completed, and its stock is") { fixture in
            fixture.snapshot.reservations = fixture.snapshot.reservations.map {
                $0.id == "order-bob" ? ($0.id, "released") : $0
            }
        },
        Defect("stock of a cancelled order is held", .orphanReservation, text: "held for a cancelled order") {
            fixture in
            fixture.snapshot.reservations = fixture.snapshot.reservations.map {
                $0.id == "order-dot" ? ($0.id, "held") : $0
            }
        },
        Defect("stock of a cancelled order is sold", .orphanReservation, text: "confirmed for a cancelled order") {
            fixture in
            fixture.snapshot.reservations = fixture.snapshot.reservations.map {
                $0.id == "order-dot" ? ($0.id, "confirmed") : $0
            }
        },
    ]

    static let money = [
        Defect("an order's captured amount differs", .chargedTwice, text: "; the order has") {
            $0.snapshot.orders["order-bob"]?.captured += 1
        },
        Defect("an order's refunded amount differs", .chargedTwice, text: "; the order has") {
            $0.snapshot.orders["order-eve"]?.refunded = 500
            $0.snapshot.orders["order-dot"]?.refunded = 1
        },
        Defect("less than the order's total is captured", .moneyDrifts, text: " for an order of ") {
            try $0.setAmounts("ann", captured: 1_299, refunded: 500)
        },
        Defect("a cancelled order is paid", .chargedTwice, text: "captured 300 for a cancelled order") {
            try $0.setAmounts("dot", captured: 300, refunded: 0)
        },
    ]

    static let ledger = [
        Defect("a capture is booked twice", .moneyDrifts, text: "the ledger has") {
            $0.book("capture/payment-bob", 423, from: "provider_clearing", to: "sales")
        },
        Defect("a capture is not booked", .moneyDrifts, text: "the ledger has") { fixture in
            fixture.snapshot.ledger.removeAll { $0.journal == "capture/payment-bob" }
        },
        Defect("a sale is booked to the wrong account", .moneyDrifts, text: "the ledger has") { fixture in
            for index in fixture.snapshot.ledger.indices where fixture.snapshot.ledger[index].account == "sales" {
                if fixture.snapshot.ledger[index].journal == "capture/payment-bob" {
                    fixture.snapshot.ledger[index].account = "gifts"
                }
            }
        },
        Defect("a refund is booked to the wrong account", .moneyDrifts, text: "the ledger has") { fixture in
            for index in fixture.snapshot.ledger.indices where fixture.snapshot.ledger[index].account == "refunds" {
                if fixture.snapshot.ledger[index].journal.contains("payment-ann") {
                    fixture.snapshot.ledger[index].account = "gifts"
                }
            }
        },
    ]

    static let stock = [
        Defect("received goods are not stored", .oversold, text: "was received, and is not stored") { fixture in
            fixture.snapshot.stock.removeAll { $0.sku == "vase" }
        },
        Defect("a unit is removed by a correction", .oversold, text: "corrected by -1") {
            try $0.move("vase", available: -1, onHand: -1)
            $0.snapshot.stock["vase"].corrected = -1
        },
        Defect("a delivery is received twice", .effectTwice, text: "of one delivery") {
            try $0.move("vase", available: 5, onHand: 5)
            $0.snapshot.stock["vase"].received += 5
        },
        Defect("a unit is sold without an order", .oversold, text: "orders have") {
            try $0.move("vase", available: -1, onHand: -1)
            $0.snapshot.stock["vase"].sold += 1
        },
        Defect("a unit is returned without an order", .oversold, text: "orders have") {
            try $0.move("mug", available: 1, onHand: 1)
            $0.snapshot.stock["mug"].returned += 1
        },
        Defect("a stock event is unreadable", .historyBroken, text: "an event about stock cannot be read") {
            $0.publish(InventoryTopics.movements.name, by: "inventory", key: "movement-vase", body: [0xFF])
        },
        Defect("a stock event states too much", .historyBroken, text: "its events add up") {
            try $0.move("vase", available: 1)
            $0.snapshot.stock["vase"].available -= 1
        },
    ]

    static let announcements = [
        Defect(
            "an event names an unknown order",
            .ghost,
            text: "an event was published for an order that does not exist"
        ) {
            try $0.announce(.placed, of: "order-gus")
        },
        Defect("an event names an unknown payment", .ghost, text: "a payment unknown to the provider") {
            let change = PaymentChanged.with {
                $0.paymentID = "payment-fay"
                $0.orderID = "order-fay"
                $0.status = .captured
            }
            $0.publish(
                PaymentsTopics.payments.name,
                by: "payments",
                key: "payment-fay",
                body: try change.serializedBytes()
            )
        },
        Defect("the event of an order's end is not published", .historyBroken, text: " of [") {
            $0.removeLastEvent(OrdersTopics.orders.name, "order-bob")
        },
        Defect("the event of an order's end is published twice", .historyBroken, text: " of [") {
            try $0.announce(.completed, of: "order-bob")
        },
        Defect("the event of a refund is not published", .historyBroken, text: "; published is") {
            $0.removeLastEvent(PaymentsTopics.payments.name, "payment-ann")
        },
        Defect("no event of a payment is published", .historyBroken, text: "; published is nothing") {
            $0.removeLastEvent(PaymentsTopics.payments.name, "payment-bob")
        },
    ]

    static let messages = [
        Defect("an event is not sent", .notConverged, text: "were not published") { $0.snapshot.unsent = 1 },
        Defect("an event is parked", .notConverged, text: "are parked") { $0.snapshot.parked = 1 },
        Defect("an event takes effect twice", .effectTwice, text: "events took effect 4 times") { fixture in
            guard let last = fixture.snapshot.audited.last(where: { $0.key == "order-bob" }) else { return }
            fixture.snapshot.audited.append(last)
        },
        Defect("an event takes no effect", .messageLost, text: "2 of 3 events took effect") { fixture in
            fixture.snapshot.audited.removeAll { $0.key == "order-bob" && $0.sequence == 3 }
        },
        Defect("events take effect in another order", .orderOfKeyBroken, text: ": [2, 1, 3]") { fixture in
            let own = fixture.snapshot.audited.indices.filter { fixture.snapshot.audited[$0].key == "order-bob" }
            fixture.snapshot.audited.swapAt(own[0], own[1])
        },
        Defect("an event is consumed with a different body", .orderOfKeyBroken, text: ": [1, 2, 3]") { fixture in
            for index in fixture.snapshot.audited.indices where fixture.snapshot.audited[index].key == "order-bob" {
                fixture.snapshot.audited[index].body.append(0)
            }
        },
        Defect("an event that was rolled back takes effect", .ghost, text: "that were not committed") { fixture in
            guard var entry = fixture.snapshot.audited.first else { return }
            entry.key = "order-gus"
            fixture.snapshot.audited.append(entry)
        },
    ]
    static let accounts = [
        Defect(
            "a group has neither handled an event nor named it",
            .unnamed,
            text: "auditor has not handled 1 events of"
        ) {
            let entry = StateSnapshot.Entry(
                topic: OrdersTopics.orders.name,
                key: "poisoned-0",
                source: PlantedEvents.source,
                epoch: 1,
                sequence: 1,
                body: []
            )
            $0.snapshot.published.append(entry)
            $0.snapshot.audited.append(entry)
        }
    ]
}
