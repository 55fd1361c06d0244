import Console
import InventoryContract
import OrdersContract
import PaymentsContract
import SharedContract
import SwiftProtobuf
import Testing

@testable import Retail

/// The state of a shop, from its gateway and from its operator listeners.
struct ShopState: Sendable {
    var shop = ShopView()
    var internalState = InternalState.Snapshot()
}

/// One defect in an otherwise consistent shop.
struct Defect: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Name prefixes of the checks that must fail; others may.
    let checks: [String]
    let inject: @Sendable (inout ShopState) -> Void

    init(_ what: String, _ checks: String..., inject: @escaping @Sendable (inout ShopState) -> Void) {
        testDescription = what
        self.checks = checks
        self.inject = inject
    }

    static let all = orders + money + stock + internalState

    private static let orders = [
        Defect("a missing order", "orders that are missing") { $0.shop.headlines.removeFirst() },
        Defect("an open order", "orders in no terminal state") { $0.shop.headlines[0].status = .pending },
        Defect("a wrong order total", "orders with another total") { $0.shop.headlines[0].total.minorUnits += 1 },
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
        Defect("a ledger that does not balance", "ledger: debits are credits") { $0.shop.balance.sums[0].debits += 1 },
        Defect("a capture that only the provider has", "provider: captured", "provider: captured is the orders'") {
            $0.shop.provider.sums[0].providerCaptured += 200
        },
        Defect("an authorisation that is never captured or released", "provider: authorised and not finished") {
            $0.shop.provider.sums[0].providerAuthorised = 200
        },
    ]

    private static let stock = [
        Defect("wrong units", "units sold", "SKUs whose stock does not add up") {
            $0.shop.levels[0].sold += 1
            $0.shop.levels[0].onHand -= 1
            $0.shop.levels[0].available -= 1
        },
        Defect("missing returned units", "units returned", "SKUs whose stock does not add up") {
            $0.shop.levels[0].returned -= 1
            $0.shop.levels[0].onHand -= 1
            $0.shop.levels[0].available -= 1
        },
        Defect("negative stock", "SKUs whose stock does not add up") {
            $0.shop.levels[0].corrected = -9
            $0.shop.levels[0].onHand -= 9
            $0.shop.levels[0].available -= 9
        },
        Defect("reserved units without an order", "SKUs whose stock does not add up") {
            $0.shop.levels[0].available -= 1
        },
    ]

    private static let internalState = [
        Defect("a parked key", "parked keys") { $0.internalState.parkedKeys = 1 },
        Defect("a group that lags", "events of test.orders acknowledged by carts") {
            $0.internalState.topics = [
                .init(name: "test.orders", published: 7, groups: [.init(name: "carts", acknowledged: 6, lag: 1)])
            ]
        },
        Defect("unpublished events", "events of orders that are not published") {
            $0.internalState.unsent["orders"] = 1
        },
        Defect("a stuck run", "runs that need a human") { $0.internalState.stuckRuns = 1 },
        Defect("a service that does not respond", "services that do not respond to operators") {
            $0.internalState.missing = ["payments"]
        },
    ]
}

// Serialized: the plans come from one file.
@Suite("Reconciliation differences", .serialized)
struct DifferenceTests {
    private let plan: InvoicePlan

    init() throws {
        plan = try InvoicesFixture.plan([
            "536365,10001,2,1.00,1", "536366,10001,3,1.00,2", "536367,10001,2,1.00,3", "536368,10002,1,1.00,4",
            "C536369,10001,-1,1.00,2",
        ])
    }

    /// A consistent shop; with scarce stock the last order was rejected.
    private func consistentState(isScarce: Bool) -> ShopState {
        var view = ShopState()
        let orders = [("536365", 200), ("536366", 300), ("536367", 200), ("536368", 100)] as [(String, Int64)]
        view.shop.headlines = orders.map { reference, pence in
            let isCompleted = !isScarce || reference != "536368"
            return .with {
                $0.orderID = "o\(reference)"
                $0.reference = reference
                $0.status = isCompleted ? .completed : .rejected
                $0.reason = isCompleted ? "" : "inventory.insufficient_stock"
                $0.total = Money(pence, currency: "GBP")
                $0.captured = Money(isCompleted ? pence : 0, currency: "GBP")
                $0.refunded = Money(reference == "536366" ? 100 : 0, currency: "GBP")
            }
        }
        view.shop.add("GBP", captured: isScarce ? 700 : 800, refunded: 100)
        view.shop.levels = [
            level("10001", received: 7, sold: 7, returned: 1),
            isScarce ? level("10002", received: 0, sold: 0) : level("10002", received: 1, sold: 1),
        ]
        view.internalState.unsent = ["carts": 0, "orders": 0]
        view.internalState.topics = [
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

    private func differences(_ view: ShopState, isScarce: Bool) -> [Reconciliation.Check] {
        var result = Reconciliation(plan, figures: plan.figures, shop: view.shop, isScarce: isScarce)
        result.compare(view.internalState)
        #expect(result.holds == result.checks.allSatisfy(\.holds))
        return result.checks.filter { !$0.holds }
    }

    @Test("a consistent shop has none", arguments: [false, true])
    func none(_ isScarce: Bool) {
        #expect(differences(consistentState(isScarce: isScarce), isScarce: isScarce) == [])
    }

    @Test("every defect is found and named", arguments: Defect.all, [false, true])
    func found(_ defect: Defect, _ isScarce: Bool) {
        var view = consistentState(isScarce: isScarce)
        defect.inject(&view)
        let failed = differences(view, isScarce: isScarce).map(\.what)
        for check in defect.checks { #expect(failed.contains { $0.hasPrefix(check) }, "\(failed)") }
    }

    @Test("a rejected order with full stock is one")
    func rejected() {
        let failed = differences(consistentState(isScarce: true), isScarce: false).map(\.what)
        #expect(failed.contains("orders that were not completed"))
        #expect(failed.contains("captured pence"))
    }

    @Test("a double capture and a missing capture that cancel out are found per order")
    func doubleCapture() throws {
        let defect = try #require(Defect.all.first { $0.testDescription.contains("captured twice") })
        var view = consistentState(isScarce: false)
        defect.inject(&view)
        #expect(differences(view, isScarce: false).map(\.what) == defect.checks)
    }
}
