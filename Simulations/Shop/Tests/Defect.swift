import InventoryContract
import MartletMessaging
import OrdersContract
import PaymentsContract
import SwiftProtobuf
import Testing

@testable import ShopSimulation

/// One thing that is wrong in an otherwise sound world, and what the audit has to say of it.
struct Defect: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// The invariant, and words that one check alone uses.
    let expected: [(invariant: Invariant, words: String)]
    let spoil: @Sendable (inout Story) throws -> Void

    /// - Parameter inevitable: What the same thing breaks as well.
    init(
        _ name: String,
        _ invariant: Invariant,
        _ words: String,
        and inevitable: [(Invariant, String)] = [],
        _ spoil: @escaping @Sendable (inout Story) throws -> Void
    ) {
        testDescription = name
        expected = [(invariant, words)] + inevitable
        self.spoil = spoil
    }

    static let all =
        orders + worth + rejections + rivals + ghosts + money + ledger + stock + announcements + messages + history

    static let orders = [
        Defect("an order is forgotten", .orderLost, "an acknowledged order is not on file") { story in
            let gus = Witness.Told(orderID: "order-gus", customer: "gus", key: "", totalMinorUnits: 500, goods: [:])
            story.told.append(gus)
        },
        Defect("an order stays", .notConverged, "the order is still", and: [(.historyBroken, " after placed")]) {
            $0.books.orders["order-dot"]?.status = "pending"
            $0.books.streams["order-dot"] = ["placed"]
            $0.untell(OrdersTopics.orders.name, "order-dot")
        },
        Defect("a return stays", .notConverged, "a return is not finished") {
            $0.books.orders["order-ann"]?.openReturns = 1
        },
        Defect("a total is another", .moneyDrifts, ", on file ") { $0.books.orders["order-cid"]?.total += 1 },
        Defect("who cancelled gets less back", .chargedTwice, "cancelled and paid, refunded") {
            try $0.settle("eve", captured: 500, refunded: 499)
        },
        Defect("a refund is forgotten", .moneyDrifts, "promised to refund", and: [(.moneyDrifts, ", refunded 0")]) {
            try $0.settle("ann", captured: 1_300, refunded: 0)
        },
        Defect("who cancelled is promised more", .moneyDrifts, "promised to refund") {
            $0.told["dot"].returns["return-0"] = 300
            $0.told["dot"].broughtBack["return-0"] = 1
        },
        Defect("a merchant's order stands twice", .effectTwice, " orders of reference-bob") {
            $0.books.orders["order-cid"]?.reference = "reference-bob"
        },
        Defect("there are more orders than customers", .effectTwice, "orders of 8 customers") { story in
            for name in ["gus", "hal", "ivy"] {
                try story.add(name, .unavailable)
                story.told.removeLast()
            }
        },
        Defect("a run stays open", .notConverged, "is open") { $0.books.runs.append(("orders", "run-1", "open", "")) },
        Defect("a run needs a human", .notConverged, "is needs_human") {
            $0.books.runs.append(("orders", "run-1", "needs_human", "why"))
        },
    ]

    static let worth = [
        Defect("a customer is told too much", .moneyDrifts, "for what is") {
            $0.told["cid"].totalMinorUnits += 1
            $0.books.orders["order-cid"]?.total += 1
        },
        Defect("a return is promised too much", .moneyDrifts, "units that were") {
            $0.told["ann"].returns["return-0", default: 0] += 1
            try $0.settle("ann", captured: 1_300, refunded: 501)
        },
        Defect("more is refunded than promised", .moneyDrifts, ", refunded 501") {
            try $0.settle("ann", captured: 1_300, refunded: 501)
        },
    ]

    static let rejections = [
        Defect("a good card is declined", .rejectedWithoutCause, "rejected because of") {
            try $0.add("gus", .declined)
        },
        Defect("stock is there and refused", .rejectedWithoutCause, "rejected because of") {
            try $0.add("gus", .unavailable)
        },
        Defect("goods are let go before their time", .rejectedWithoutCause, "rejected because of") {
            try $0.add("gus", .lapsed)
        },
        Defect("an order is rejected for another reason", .rejectedWithoutCause, "rejected because of") {
            $0.books.orders["order-fay"]?.reason = "internal"
        },
    ]

    static let rivals = [
        Defect("one of two cancels is refused", .effectTwice, "one cancel was accepted and one refused") {
            $0.told["dot"].cancelRefused = true
        },
        Defect(
            "a cancelled order comes back as well",
            .effectTwice,
            "cancelled, and 1 units came back",
            and: [(.oversold, "orders say")]
        ) {
            $0.told["eve"].returns["return-0"] = 500
            $0.told["eve"].broughtBack["return-0"] = 1
        },
        Defect("more comes back than was bought", .effectTwice, "2 of 1 units came back") {
            try $0.bringBack("bob", units: 2)
        },
        Defect("a cancel is refused without a rival", .rejectedWithoutCause, "the cancel of a") {
            $0.told["bob"].cancelRefused = true
        },
        Defect("a return is refused without a rival", .rejectedWithoutCause, "was refused, and 0 of 1 came back") {
            $0.told["bob"].returnsRefused["return-0"] = 1
        },
    ]

    static let ghosts = [
        Defect("money is asked for nobody", .ghost, "a payment without an order") {
            $0.books.wallets.append(
                Books.Wallet(reference: "order-gus", status: "voided", captured: 0, refunded: 0, captures: 0)
            )
            $0.books.payments["payment-gus"] = "order-gus"
            try $0.settle("gus", captured: 0, refunded: 0)
        },
        Defect("stock is reserved for nobody", .ghost, "a reservation without an order") {
            $0.books.reservations.append(("order-gus", "released"))
        },
        Defect("stock of a paid order is released", .oversold, "completed, and its stock is") { story in
            story.books.reservations = story.books.reservations.map { $0.id == "order-bob" ? ($0.id, "released") : $0 }
        },
        Defect("stock of a cancelled order is kept", .orphanReservation, "held for a cancelled order") { story in
            story.books.reservations = story.books.reservations.map { $0.id == "order-dot" ? ($0.id, "held") : $0 }
        },
        Defect("stock of a cancelled order is sold", .orphanReservation, "confirmed for a cancelled order") { story in
            story.books.reservations = story.books.reservations.map { $0.id == "order-dot" ? ($0.id, "confirmed") : $0 }
        },
    ]

    static let money = [
        Defect("a payment is captured twice", .chargedTwice, "captured 2 times") {
            $0.books.wallets["bob"].captures = 2
        },
        Defect("an authorisation is forgotten", .orphanAuthorisation, "money is still set aside") {
            $0.books.wallets["dot"].status = "authorised"
        },
        Defect("an order does not know what was taken", .chargedTwice, "; the order says") {
            $0.books.orders["order-bob"]?.captured += 1
        },
        Defect("an order does not know what went back", .chargedTwice, "; the order says") {
            $0.books.orders["order-eve"]?.refunded = 500
            $0.books.orders["order-dot"]?.refunded = 1
        },
        Defect("less is taken than the order's total", .moneyDrifts, " for an order of ") {
            try $0.settle("ann", captured: 1_299, refunded: 500)
        },
        Defect("a cancelled order is paid", .chargedTwice, "took 300 for a cancelled order") {
            try $0.settle("dot", captured: 300, refunded: 0)
        },
    ]

    static let ledger = [
        Defect(
            "a journal is of nothing",
            .ghost,
            "a journal of no payment",
            and: [(.ghost, "a journal of no payment")]
        ) {
            $0.book("capture/payment-gus", 1, from: "provider_clearing", to: "sales")
        },
        Defect("a journal does not balance", .moneyDrifts, "debits and credits differ") {
            $0.books.ledger.append(
                Books.Line(journal: "capture/payment-bob", account: "fees", currency: "GBP", debit: 1, credit: 0)
            )
        },
        Defect(
            "a journal balances in no currency of its own",
            .moneyDrifts,
            "debits and credits differ",
            and: [(.moneyDrifts, "debits and credits differ")]
        ) {
            $0.books.ledger.append(
                Books.Line(journal: "capture/payment-bob", account: "fees", currency: "GBP", debit: 1, credit: 0)
            )
            $0.books.ledger.append(
                Books.Line(journal: "capture/payment-bob", account: "fees", currency: "EUR", debit: 0, credit: 1)
            )
        },
        Defect("a capture is booked twice", .moneyDrifts, "we booked") {
            $0.book("capture/payment-bob", 423, from: "provider_clearing", to: "sales")
        },
        Defect("a capture is not booked", .moneyDrifts, "we booked") { story in
            story.books.ledger.removeAll { $0.journal == "capture/payment-bob" }
        },
        Defect("a sale is booked elsewhere", .moneyDrifts, "we booked") { story in
            for index in story.books.ledger.indices where story.books.ledger[index].account == "sales" {
                if story.books.ledger[index].journal == "capture/payment-bob" {
                    story.books.ledger[index].account = "gifts"
                }
            }
        },
        Defect("a refund is booked elsewhere", .moneyDrifts, "we booked") { story in
            for index in story.books.ledger.indices where story.books.ledger[index].account == "refunds" {
                if story.books.ledger[index].journal.contains("payment-ann") {
                    story.books.ledger[index].account = "gifts"
                }
            }
        },
    ]

    static let stock = [
        Defect("goods are not on file", .oversold, "was received, and is not on file") { story in
            story.books.stock.removeAll { $0.sku == "vase" }
        },
        Defect("there is less than nothing", .oversold, "-1 available", and: [(.effectTwice, "of one delivery")]) {
            try $0.move("vase", available: -6, onHand: -6)
            $0.books.stock["vase"].received = -1
        },
        Defect("a unit appears", .oversold, "do not add up") { try $0.move("vase", available: 1, onHand: 1) },
        Defect("a unit stays promised", .orphanReservation, " on hand, 4 available") {
            try $0.move("vase", available: -1)
        },
        Defect("a unit is corrected away", .oversold, "corrected by -1") {
            try $0.move("vase", available: -1, onHand: -1)
            $0.books.stock["vase"].corrected = -1
        },
        Defect("a delivery is received twice", .effectTwice, "of one delivery") {
            try $0.move("vase", available: 5, onHand: 5)
            $0.books.stock["vase"].received += 5
        },
        Defect("a unit is sold to nobody", .oversold, "orders say") {
            try $0.move("vase", available: -1, onHand: -1)
            $0.books.stock["vase"].sold += 1
        },
        Defect("a unit comes back from nobody", .oversold, "orders say") {
            try $0.move("mug", available: 1, onHand: 1)
            $0.books.stock["mug"].returned += 1
        },
        Defect("an event about stock is garbled", .historyBroken, "an event about stock cannot be read") {
            $0.publish(InventoryTopics.movements.name, "inventory", "movement-vase", [0xFF])
        },
        Defect("an event about stock says too much", .historyBroken, "its events add up") {
            try $0.move("vase", available: 1)
            $0.books.stock["vase"].available -= 1
        },
    ]

    static let announcements = [
        Defect("others hear of no order's order", .ghost, "told of an order that does not exist") {
            try $0.tell(.placed, of: "order-gus")
        },
        Defect("others hear of no payment's payment", .ghost, "a payment that the provider does not know") {
            let change = PaymentChanged.with {
                $0.paymentID = "payment-fay"
                $0.orderID = "order-fay"
                $0.status = .captured
            }
            $0.publish(PaymentsTopics.payments.name, "payments", "payment-fay", try change.serializedBytes())
        },
        Defect("others do not hear of an order's end", .historyBroken, " of [") {
            $0.untell(OrdersTopics.orders.name, "order-bob")
        },
        Defect("others hear of an order's end twice", .historyBroken, " of [") {
            try $0.tell(.completed, of: "order-bob")
        },
        Defect("others do not hear of a refund", .historyBroken, "and others were told") {
            $0.untell(PaymentsTopics.payments.name, "payment-ann")
        },
        Defect("others hear nothing of a payment", .historyBroken, "and others were told nothing") {
            $0.untell(PaymentsTopics.payments.name, "payment-bob")
        },
    ]

    static let messages = [
        Defect("an event is not sent", .notConverged, "were not published") { $0.books.unsent = 1 },
        Defect("an event is parked", .notConverged, "are parked") { $0.books.parked = 1 },
        Defect("an event takes effect twice", .effectTwice, "events took effect 4 times") { story in
            guard let last = story.books.audited.last(where: { $0.key == "order-bob" }) else { return }
            story.books.audited.append(last)
        },
        Defect("an event takes no effect", .messageLost, "2 of 3 events took effect") { story in
            story.books.audited.removeAll { $0.key == "order-bob" && $0.sequence == 3 }
        },
        Defect("events take effect in another order", .orderOfKeyBroken, ": [2, 1, 3]") { story in
            let own = story.books.audited.indices.filter { story.books.audited[$0].key == "order-bob" }
            story.books.audited.swapAt(own[0], own[1])
        },
        Defect("an event comes out as another", .orderOfKeyBroken, ": [1, 2, 3]") { story in
            for index in story.books.audited.indices where story.books.audited[index].key == "order-bob" {
                story.books.audited[index].body.append(0)
            }
        },
        Defect("an event that was rolled back takes effect", .ghost, "that nobody committed") { story in
            guard var entry = story.books.audited.first else { return }
            entry.key = "order-gus"
            story.books.audited.append(entry)
        },
    ]

    static let history = [
        Defect("the read model says another end", .historyBroken, "cancelled after placed") {
            $0.books.orders["order-cid"]?.status = "cancelled"
        },
        Defect("an order ends twice", .historyBroken, "cancelled after placed") { try $0.note("cancelled", of: "dot") },
        Defect("a capture is asked for twice", .historyBroken, "completed after placed") {
            $0.books.streams["order-bob"]?.insert("capture_requested", at: 2)
        },
        Defect("the read model has not heard of an order", .historyBroken, "a stream that the read model does not know")
        {
            try $0.note("placed", of: "gus")
        },
    ]
}
