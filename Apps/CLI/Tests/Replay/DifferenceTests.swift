import InventoryContract
import OrdersContract
import PaymentsContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import CLI

/// What the shop says, before and behind the gateway.
struct WholeView: Sendable {
    var shop = ShopView()
    var backstage = Backstage.View()
}

/// One thing that is wrong in a shop that is right otherwise.
struct Defect: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// The checks that must fail, by name or its beginning; others may.
    let checks: [String]
    let spoil: @Sendable (inout WholeView) -> Void

    init(_ what: String, _ checks: String..., spoil: @escaping @Sendable (inout WholeView) -> Void) {
        testDescription = what
        self.checks = checks
        self.spoil = spoil
    }

    static let all = orders + money + stock + backstage

    private static let orders = [
        Defect("a missing order", "orders that are missing") { $0.shop.headlines.removeFirst() },
        Defect("an open order", "orders in no terminal state") { $0.shop.headlines[0].status = .pending },
        Defect("an order of another total", "orders with another total") { $0.shop.headlines[0].total.minorUnits += 1 },
        Defect("an open return", "returns that are open") { $0.shop.summary.openReturns = 1 },
        Defect(
            "an order captured twice and another never",
            "completed orders whose captured is not their total"
        ) {
            $0.shop.headlines[0].captured.minorUnits = 400
            $0.shop.headlines[2].captured.minorUnits = 0
        },
    ]

    private static let money = [
        Defect("wrong refunds", "refunded pence", "captured less refunded") {
            $0.shop.headlines[1].refunded.minorUnits -= 50
        },
        Defect("an open payment", "payments that are open") { $0.shop.balance.openPayments = 1 },
        Defect("books that do not balance", "ledger: debits are credits") { $0.shop.balance.sums[0].debits += 1 },
        Defect("a capture that only the provider knows", "provider: captured", "provider: captured is the orders'") {
            $0.shop.provider.sums[0].providerCaptured += 200
        },
        Defect("money set aside for good", "provider: set aside and forgotten") {
            $0.shop.provider.sums[0].providerAuthorised = 200
        },
    ]

    private static let stock = [
        Defect("wrong units", "units sold", "SKUs whose stock does not add up") {
            $0.shop.levels[0].sold += 1
            $0.shop.levels[0].onHand -= 1
            $0.shop.levels[0].available -= 1
        },
        Defect("units that were never brought back", "units returned", "SKUs whose stock does not add up") {
            $0.shop.levels[0].returned -= 1
            $0.shop.levels[0].onHand -= 1
            $0.shop.levels[0].available -= 1
        },
        Defect("a shelf with less than nothing", "SKUs whose stock does not add up") {
            $0.shop.levels[0].corrected = -9
            $0.shop.levels[0].onHand -= 9
            $0.shop.levels[0].available -= 9
        },
        Defect("units that are promised to nobody's order", "SKUs whose stock does not add up") {
            $0.shop.levels[0].available -= 1
        },
    ]

    private static let backstage = [
        Defect("a parked key", "parked keys") { $0.backstage.parkedKeys = 1 },
        Defect("a group that lags", "events of test.orders taken by carts") {
            $0.backstage.topics = [
                .init(name: "test.orders", published: 7, groups: [.init(name: "carts", acknowledged: 6, lag: 1)])
            ]
        },
        Defect("events that nobody publishes", "events of orders that are not published") {
            $0.backstage.unsent["orders"] = 1
        },
        Defect("a stuck run", "runs that need a human") { $0.backstage.stuckRuns = 1 },
        Defect("a service that is silent", "services that do not answer operators") {
            $0.backstage.missing = ["payments"]
        },
    ]
}

// Serialized: the plans come from one file.
@Suite("A difference", .serialized)
struct DifferenceTests {
    private let plan: InvoicePlan

    init() throws {
        plan = try InvoicesFixture.plan([
            "536365,10001,2,1.00,1", "536366,10001,3,1.00,2", "536367,10001,2,1.00,3", "536368,10002,1,1.00,4",
            "C536369,10001,-1,1.00,2",
        ])
    }

    /// What the shop says when all went well; scarce, the last order found nothing.
    private func sound(isScarce: Bool) -> WholeView {
        var view = WholeView()
        let orders = [("536365", 200), ("536366", 300), ("536367", 200), ("536368", 100)] as [(String, Int64)]
        view.shop.headlines = orders.map { reference, pence in
            let isTaken = !isScarce || reference != "536368"
            return .with {
                $0.orderID = "o\(reference)"
                $0.reference = reference
                $0.status = isTaken ? .completed : .rejected
                $0.reason = isTaken ? "" : "inventory.insufficient_stock"
                $0.total = Money(pence, currency: "GBP")
                $0.captured = Money(isTaken ? pence : 0, currency: "GBP")
                $0.refunded = Money(reference == "536366" ? 100 : 0, currency: "GBP")
            }
        }
        view.shop.add("GBP", captured: isScarce ? 700 : 800, refunded: 100)
        view.shop.levels = [
            level("10001", received: 7, sold: 7, returned: 1),
            isScarce ? level("10002", received: 0, sold: 0) : level("10002", received: 1, sold: 1),
        ]
        view.backstage.unsent = ["carts": 0, "orders": 0]
        view.backstage.topics = [
            .init(name: "test.orders", published: 7, groups: [.init(name: "carts", acknowledged: 7, lag: 0)])
        ]
        return view
    }

    private func level(_ sku: String, received: Int64, sold: Int64, returned: Int64 = 0) -> StockLevel {
        .with {
            $0.sku = sku
            $0.received = received
            $0.sold = sold
            $0.returned = returned
            $0.onHand = received - sold + returned
            $0.available = $0.onHand
        }
    }

    private func differences(_ view: WholeView, isScarce: Bool) -> [Reconciliation.Check] {
        var result = Reconciliation(plan, plan.figures, view.shop, isScarce: isScarce)
        result.compare(view.backstage)
        #expect(result.holds == result.checks.allSatisfy(\.holds))
        return result.checks.filter { !$0.holds }
    }

    @Test("is none where all went well", arguments: [false, true])
    func none(_ isScarce: Bool) {
        #expect(differences(sound(isScarce: isScarce), isScarce: isScarce) == [])
    }

    @Test("is found and named", arguments: Defect.all, [false, true])
    func found(_ defect: Defect, _ isScarce: Bool) {
        var view = sound(isScarce: isScarce)
        defect.spoil(&view)
        let failed = differences(view, isScarce: isScarce).map(\.what)
        for check in defect.checks { #expect(failed.contains { $0.hasPrefix(check) }, "\(failed)") }
    }

    @Test("is an order that was rejected although stock is full")
    func rejected() {
        let failed = differences(sound(isScarce: true), isScarce: false).map(\.what)
        #expect(failed.contains("orders that were not completed"))
        #expect(failed.contains("captured pence"))
    }

    @Test("of one captured twice and another never hides from every sum")
    func doubleCapture() throws {
        let defect = try #require(Defect.all.first { $0.testDescription.contains("captured twice") })
        var view = sound(isScarce: false)
        defect.spoil(&view)
        #expect(differences(view, isScarce: false).map(\.what) == defect.checks)
    }
}
